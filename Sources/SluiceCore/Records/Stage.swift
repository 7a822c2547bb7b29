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
