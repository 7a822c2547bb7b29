public import SluiceCore

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
