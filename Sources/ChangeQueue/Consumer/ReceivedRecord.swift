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
