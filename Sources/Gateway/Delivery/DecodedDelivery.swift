import DeliveryLink
import SluiceCore

/// A delivery with its records decoded: once, for all event loops.
struct DecodedDelivery: Sendable {
    /// One record of it.
    struct Record: Sendable {
        /// The record.
        let record: ChangeRecord
        /// When it was in the publisher's hands.
        let receivedAtNanoseconds: UInt64
        /// When its gateways were known.
        let resolvedAtNanoseconds: UInt64
    }

    /// The publisher's number for it.
    let id: UInt64
    /// Its records, in order.
    let records: [Record]
    /// The connections that it is for; nil stands for the topics' subscribers.
    let connections: [ConnectionID]?
    /// When the publisher handed it to the link.
    let sentAtNanoseconds: UInt64
    /// When the gateway had read it.
    let takenAtNanoseconds: UInt64

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
        id = delivery.id
        self.records = records
        connections = delivery.connections
        sentAtNanoseconds = delivery.sentAtNanoseconds
        takenAtNanoseconds = delivery.takenAtNanoseconds
    }
}
