import Glibc

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

/// The clock of the stage times: `CLOCK_MONOTONIC`, which all processes of one machine share.
public enum StageClock {
    /// Nanoseconds since the machine started.
    public static func nowNanoseconds() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds since 1970, for what must mean the same after a restart of the machine.
    public static func wallNanoseconds() -> UInt64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}

/// A part of a record's way whose latency is measured, between two of the ``StageTimes``.
public enum Stage: String, CaseIterable, Sendable {
    /// Request accepted → commit returned (gateway).
    case commit
    /// Commit returned → in the publisher's hands (doorbell and receive).
    case receive
    /// Request accepted → in the publisher's hands: the durable hop that SNS, SQS and DynamoDB Streams are compared by.
    case hop
    /// In the publisher's hands → subscribers' gateways known.
    case resolve
    /// Gateways known → frame handed to the link.
    case send
    /// Frame handed to the link → read by the gateway.
    case link
    /// Read by the gateway → last socket written.
    case write
    /// Request accepted → last socket written.
    case total

    /// The stage's length in nanoseconds, or nil when one of its ends isn't known or the clocks don't agree.
    public func nanoseconds(in times: StageTimes) -> UInt64? {
        let (start, end) = boundaries(in: times)
        guard start != 0, end >= start else { return nil }
        return end - start
    }

    private func boundaries(in times: StageTimes) -> (UInt64, UInt64) {
        switch self {
        case .commit: (times.accepted, times.committed)
        case .receive: (times.committed, times.received)
        case .hop: (times.accepted, times.received)
        case .resolve: (times.received, times.resolved)
        case .send: (times.resolved, times.sent)
        case .link: (times.sent, times.taken)
        case .write: (times.taken, times.written)
        case .total: (times.accepted, times.written)
        }
    }
}
