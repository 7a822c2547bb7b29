package import SluiceCore

/// Records for the subscribers of one process, decoded once for all its event loops.
package struct FanOutDelivery: Sendable {
    /// One record of it.
    package struct Record: Sendable {
        /// The record.
        package let record: ChangeRecord
        /// When it was in the publisher's hands, nanoseconds of `StageClock`.
        package let receivedAtNanoseconds: UInt64
        /// When its gateways were known, nanoseconds of `StageClock`.
        package let resolvedAtNanoseconds: UInt64

        package init(record: ChangeRecord, receivedAtNanoseconds: UInt64, resolvedAtNanoseconds: UInt64) {
            self.record = record
            self.receivedAtNanoseconds = receivedAtNanoseconds
            self.resolvedAtNanoseconds = resolvedAtNanoseconds
        }
    }

    /// The publisher's number for it.
    package let id: UInt64
    /// Its records, in order.
    package let records: [Record]
    /// When the publisher handed it to the link, nanoseconds of `StageClock`.
    package let sentAtNanoseconds: UInt64
    /// When this process had read it, nanoseconds of `StageClock`.
    package let takenAtNanoseconds: UInt64

    package init(id: UInt64, records: [Record], sentAtNanoseconds: UInt64, takenAtNanoseconds: UInt64) {
        self.id = id
        self.records = records
        self.sentAtNanoseconds = sentAtNanoseconds
        self.takenAtNanoseconds = takenAtNanoseconds
    }
}
