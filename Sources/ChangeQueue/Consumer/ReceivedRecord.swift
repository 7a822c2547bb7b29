public import SluiceCore

/// A record in a publisher's hands.
public struct ReceivedRecord: Sendable {
    /// The record as the log stores it.
    public let record: EncodedRecord
    /// What retires it or gives it back.
    public let handle: ReceiptHandle
    /// How often it was received, this time included.
    public let receiveCount: Int

    /// Makes one from its parts.
    public init(record: EncodedRecord, handle: ReceiptHandle, receiveCount: Int) {
        self.record = record
        self.handle = handle
        self.receiveCount = receiveCount
    }
}

/// The right to retire a record or to give it back, from one receive of it.
///
/// When the record is received again, the handle is stale and does nothing.
public struct ReceiptHandle: Hashable, Sendable {
    /// The record.
    public let sequence: SequenceNumber
    /// The receive's number, never used again.
    ///
    /// Its meaning is the queue's own.
    public let receive: UInt64

    /// Makes a handle from its parts.
    public init(sequence: SequenceNumber, receive: UInt64) {
        self.sequence = sequence
        self.receive = receive
    }
}

/// Where a record that isn't retired stands.
public enum RecordState: String, Sendable, CaseIterable {
    /// A receive would return it now.
    case visible
    /// A publisher has it.
    case inFlight
    /// It waits for its retry.
    case delayed
}
