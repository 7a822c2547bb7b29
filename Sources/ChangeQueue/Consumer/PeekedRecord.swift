public import SluiceCore

/// A record that isn't retired, as one who looks on sees it.
public struct PeekedRecord: Sendable {
    /// The record.
    public let record: ChangeRecord
    /// Where it stands.
    public let state: RecordState
    /// How often it was received.
    public let receiveCount: Int
}
