import ChangeQueue
import SluiceCore
import Synchronization

/// What is called after each commit; it can be set while the writer runs.
final class CommitHook: Sendable {
    typealias Body = @Sendable (_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) -> Void

    /// A closure that is a generic's value itself is wrapped anew whenever the lock hands it out and takes it back: each
    /// call would be deeper than the one before.
    ///
    /// A structure's member isn't.
    private struct Stored {
        var body: Body?
    }

    private let stored = Mutex(Stored())

    var body: Body? {
        get { stored.withLock { $0.body } }
        set { stored.withLock { $0.body = newValue } }
    }

    func call(_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) {
        body?(first, count, committedAtNanoseconds)
    }
}
