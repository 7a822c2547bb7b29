public import SluiceCore

/// A topic's records that aren't retired.
public struct TopicDepth: Hashable, Sendable {
    /// The topic.
    public let topic: Topic
    /// Records that a receive would return now.
    public var visible: UInt64 = 0
    /// Records that a publisher has.
    public var inFlight: UInt64 = 0
    /// Records that wait for a retry.
    public var delayed: UInt64 = 0

    /// All of them.
    public var total: UInt64 { visible + inFlight + delayed }
}
