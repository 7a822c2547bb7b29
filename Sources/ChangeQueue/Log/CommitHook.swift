import SluiceCore
import Synchronization

/// What is called after each commit; it can be set while the writer runs.
final class CommitHook: Sendable {
    typealias Body = @Sendable (_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) -> Void

    private let stored = Mutex<Body?>(nil)

    var body: Body? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }

    func call(_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) {
        body?(first, count, committedAtNanoseconds)
    }
}
