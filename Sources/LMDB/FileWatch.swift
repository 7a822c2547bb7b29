import Glibc
import PosixSupport
import Synchronization

/// Whether the path of an open environment still leads to its file.
///
/// A file that was removed or replaced can be written on and on: nobody would find it any more. A look costs a `stat`, next to nothing beside a
/// commit; reads look now and then.
struct FileWatch: ~Copyable, Sendable {
    private let path: String
    private let identity: FileIdentity?
    private let nextLookNanoseconds = Atomic<UInt64>(0)

    /// How seldom reads look.
    private static let lookNanoseconds: UInt64 = 250_000_000

    /// Remembers the file at `path`, which was just opened.
    init(path: String) {
        self.path = path
        identity = FileIdentity(path: path)
    }

    /// Whether it is the same file.
    var isCurrent: Bool { FileIdentity(path: path) == identity }

    /// The same as it was at the last look, at most a quarter of a second ago; false is never remembered.
    var wasCurrent: Bool {
        let now = FileWatch.nowNanoseconds()
        if now < nextLookNanoseconds.load(ordering: .relaxed) { return true }
        guard isCurrent else { return false }
        nextLookNanoseconds.store(now + FileWatch.lookNanoseconds, ordering: .relaxed)
        return true
    }

    private static func nowNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
