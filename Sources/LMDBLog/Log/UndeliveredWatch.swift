import ChangeQueue
import PosixSupport
import SluiceCore

/// Notices when retention has trimmed what no queue had delivered, as a value: a gateway whose publishers are gone says so, before one comes back and
/// finds it missing.
///
/// Checkpoints follow by about a second, so what was trimmed is judged at the next look, and by the queue that is furthest: one that nobody uses
/// any more proves nothing.
struct UndeliveredWatch {
    private var trimmedThroughBefore: UInt64?
    private var saidThrough: UInt64 = 0
    private var nextLookNanoseconds: UInt64 = 0

    private static let lookNanoseconds: UInt64 = 5_000_000_000

    /// Whether to look now.
    func isDue(nowNanoseconds now: UInt64) -> Bool { now >= nextLookNanoseconds }

    /// Judges.
    /// - Parameters:
    ///   - trimmedThrough: the newest record that was trimmed.
    ///   - retiredThrough: how far the furthest queue is; nil when there is none.
    ///   - now: the monotonic clock, nanoseconds.
    /// - Returns: how many records were trimmed undelivered since the last word; 0 when none.
    mutating func trimmedUndelivered(
        trimmedThrough: UInt64,
        retiredThrough: UInt64?,
        nowNanoseconds now: UInt64
    ) -> UInt64 {
        nextLookNanoseconds = now &+ UndeliveredWatch.lookNanoseconds
        defer { trimmedThroughBefore = trimmedThrough }
        guard let retiredThrough, let before = trimmedThroughBefore else { return 0 }
        let from = max(retiredThrough, saidThrough)
        guard before > from else { return 0 }
        saidThrough = before
        return before - from
    }
}

extension DurableCheckpoint {
    /// How far the furthest of a log's queues is, by their checkpoints; nil when no queue has ever been used.
    static func furthest(logID: UInt32, in directory: String) -> UInt64? {
        var furthest: UInt64?
        Directory.forEachEntry(of: directory) { name in
            guard ByteString(name).hasPrefix("checkpoint-"),
                let checkpoint = read(directory + "/" + name), checkpoint.logID == logID
            else { return }
            furthest = max(furthest ?? 0, checkpoint.retiredThrough)
        }
        return furthest
    }
}
