import Synchronization

/// A clock that stands still until the test moves it, nanoseconds.
public final class HandClock: Sendable {
    private let time: Atomic<UInt64>

    /// Begins one second after zero, or at another time.
    public init(_ nanoseconds: UInt64 = 1_000_000_000) { time = Atomic(nanoseconds) }

    /// The time.
    public var now: UInt64 { time.load(ordering: .relaxed) }

    /// Moves it by nanoseconds.
    public func advance(_ nanoseconds: UInt64) { time.wrappingAdd(nanoseconds, ordering: .relaxed) }

    /// Moves it by seconds.
    public func advance(seconds: UInt64) { advance(seconds &* 1_000_000_000) }
}
