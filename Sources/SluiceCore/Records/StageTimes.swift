/// When a record passed each boundary of the pipeline, nanoseconds of ``StageClock``; zero where it isn't known.
public struct StageTimes: Hashable, Sendable {
    /// The gateway had read the publish request.
    public var accepted: UInt64 = 0
    /// The commit that holds the record had returned.
    public var committed: UInt64 = 0
    /// The record was in the publisher's hands.
    public var received: UInt64 = 0
    /// The publisher knew the gateways that have subscribers.
    public var resolved: UInt64 = 0
    /// The delivery frame was handed to the link.
    public var sent: UInt64 = 0
    /// The gateway had read the delivery frame.
    public var taken: UInt64 = 0
    /// The last subscriber's socket had been written.
    public var written: UInt64 = 0

    /// No time known.
    public init() {}
}
