import DeliveryLink
import FanOut
import SluiceCore

extension FanOutDelivery {
    /// Decodes a delivery and checks every record's checksum.
    /// - Throws: `RecordCodecError`.
    init(_ delivery: Delivery) throws(RecordCodecError) {
        var records: [Record] = []
        records.reserveCapacity(delivery.records.count)
        for delivered in delivery.records {
            records.append(
                Record(
                    record: try delivered.withEncodedBytes { bytes throws(RecordCodecError) in
                        try RecordCodec.decode(bytes)
                    },
                    receivedAtNanoseconds: delivered.receivedAtNanoseconds,
                    resolvedAtNanoseconds: delivered.resolvedAtNanoseconds
                )
            )
        }
        self.init(
            id: delivery.id,
            records: records,
            sentAtNanoseconds: delivery.sentAtNanoseconds,
            takenAtNanoseconds: delivery.takenAtNanoseconds
        )
    }
}
