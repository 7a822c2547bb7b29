public import SluiceCore

/// What crosses the link in one frame: records for the subscribers that one gateway has, answered by one ``Receipt``.
public struct Delivery: Sendable {
    /// The publisher's number for it, unique among the deliveries that wait for a receipt.
    public var id: UInt64
    /// The records, in the order in which the gateway shall look at them.
    public var records: [DeliveredRecord]
    /// When the publisher handed it to the link, nanoseconds of `StageClock`.
    public var sentAtNanoseconds: UInt64
    /// The connections that it is for; nil stands for all subscribers of the records' topics.
    public var connections: [ConnectionID]?
    /// When the gateway had read the frame, nanoseconds of `StageClock`; zero at the publisher.
    ///
    /// Set by the link, not sent.
    public var takenAtNanoseconds: UInt64

    /// Makes a delivery.
    public init(
        id: UInt64,
        records: [DeliveredRecord],
        sentAtNanoseconds: UInt64,
        connections: [ConnectionID]? = nil,
        takenAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.records = records
        self.sentAtNanoseconds = sentAtNanoseconds
        self.connections = connections
        self.takenAtNanoseconds = takenAtNanoseconds
    }
}
