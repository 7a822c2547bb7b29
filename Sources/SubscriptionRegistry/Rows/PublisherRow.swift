public import SluiceCore

/// A publisher in the registry, there for `sluice latency` and `sluice connections` to find it.
public struct PublisherRow: Hashable, Sendable {
    /// The publisher, new at each start.
    public let id: String
    /// Where its metrics and latencies are served: `http://host:port`.
    public let operationsAddress: String
    /// When it started, wall nanoseconds.
    public let startedAtNanoseconds: UInt64
    /// When its row may be removed if it doesn't renew, wall nanoseconds.
    public package(set) var leaseExpiresAtNanoseconds: UInt64

    /// Describes a publisher; ``SubscriptionFollowing/renew(_:)`` fills in the lease.
    public init(
        id: String,
        operationsAddress: String,
        startedAtNanoseconds: UInt64 = StageClock.wallNanoseconds(),
        leaseExpiresAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.operationsAddress = operationsAddress
        self.startedAtNanoseconds = startedAtNanoseconds
        self.leaseExpiresAtNanoseconds = leaseExpiresAtNanoseconds
    }
}
