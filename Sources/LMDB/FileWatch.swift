import Glibc
import PosixSupport
import Synchronization

/// Whether the path of an open environment still leads to its file.
///
/// A file that was removed or replaced can be written on and on: nobody would find it any more. Its directory is looked at, and the file
/// itself only when that has changed: asking for a file's times makes its next `fdatasync` write them too, half as long again
/// (Linux's multigrain timestamps).
struct FileWatch: ~Copyable, Sendable {
    private let directory: String
    private let file: String
    private let ownDirectory: FileIdentity?
    private let ownFile: FileIdentity?
    // When the directory had changed last as the file was seen in its place; 0: never looked.
    private let seenChangedAtNanoseconds = Atomic<UInt64>(0)
    private let nextLookNanoseconds = Atomic<UInt64>(0)

    /// How seldom reads look.
    private static let lookNanoseconds: UInt64 = 250_000_000

    /// Remembers the file `name` in `directory`, which was just opened.
    init(_ name: String, in directory: String) {
        self.directory = directory
        file = directory + "/" + name
        ownDirectory = FileIdentity(path: directory)
        ownFile = FileIdentity(path: file)
    }

    /// Whether it is the same file.
    var isCurrent: Bool {
        guard let stamp = FileStamp(path: directory), stamp.identity == ownDirectory else { return false }
        let changedAt = stamp.changedAtNanoseconds
        if changedAt == seenChangedAtNanoseconds.load(ordering: .relaxed) { return true }
        guard FileIdentity(path: file) == ownFile else { return false }
        seenChangedAtNanoseconds.store(changedAt, ordering: .relaxed)
        return true
    }

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
