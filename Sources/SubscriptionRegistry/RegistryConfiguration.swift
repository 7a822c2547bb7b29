import SluiceCore

/// The registry's times and limits.
public struct RegistryConfiguration: Sendable {
    /// How long a gateway's or publisher's rows live without a renewal, nanoseconds.
    public var leaseNanoseconds: UInt64 = 15_000_000_000
    /// How often a lease is renewed, nanoseconds.
    public var renewalNanoseconds: UInt64 = 5_000_000_000
    /// How often a process looks whether its file is still the one at the path, nanoseconds.
    public var checkNanoseconds: UInt64 = 1_000_000_000
    /// How long rows that no reply waits for may stay unwritten, nanoseconds.
    public var rowsDelayNanoseconds: UInt64 = 50_000_000
    /// Rows of connections and subscriptions that one transaction writes, so that a subscribe never waits for a long one.
    public var rowsPerTransaction = 2_000
    /// Interests that one transaction adds or removes: what a few hundred clients ask for at once doesn't hold up the others.
    public var interestsPerTransaction = 2_000
    /// Subscribe requests that may wait for a commit; more are refused as `overloaded`.
    public var maximumWaitingRequests = 100_000
    /// Rows that the change feed keeps at least; a reader that is further behind reads everything again.
    public var feedRowsKept: Int64 = 100_000
    /// How long a transaction waits for another process's, seconds.
    public var busyTimeoutSeconds: Double = 5
    /// The wall clock of the leases, nanoseconds since 1970.
    public var wallNanoseconds: @Sendable () -> UInt64 = StageClock.wallNanoseconds

    /// The defaults, which docs/operations.md explains.
    public init() {}
}
