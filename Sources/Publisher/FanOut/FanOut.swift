import ChangeQueue
import DeliveryLink
import SluiceCore

/// Makes the delivery for a gateway: the encoded records as the log holds them, with the times that the publisher knows.
enum FanOut {
    static func delivery(id: UInt64, entries: [ReceivedRecord], receivedAt: UInt64, resolvedAt: UInt64) -> Delivery {
        Delivery(
            id: id,
            records: entries.map {
                DeliveredRecord(
                    encoded: $0.record.bytes,
                    receivedAtNanoseconds: receivedAt,
                    resolvedAtNanoseconds: resolvedAt
                )
            },
            sentAtNanoseconds: StageClock.nowNanoseconds(),
            connections: nil
        )
    }
}
