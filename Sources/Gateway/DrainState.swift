import Synchronization

/// Whether the gateway is draining.
///
/// Set once, read by every request, so it is an atomic and no lock.
public final class DrainState: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A gateway that isn't draining.
    public init() {}

    /// Whether the drain has begun.
    public var isDraining: Bool { flag.load(ordering: .acquiring) }

    /// Begins the drain: `/readyz` answers 503 from now on.
    public func begin() { flag.store(true, ordering: .releasing) }
}
