import Synchronization

/// Whether a link would write a delivery at once, readable from any thread.
final class LinkWritability: Sendable {
    private let flag = Atomic(false)

    /// The last word of the event loop.
    var isWritable: Bool { flag.load(ordering: .relaxed) }

    /// Called on the event loop.
    func set(_ isWritable: Bool) { flag.store(isWritable, ordering: .relaxed) }
}
