import ChangeQueue
import SluiceCore

/// Taking topics out whose records are all trimmed.
///
/// The table is looked through in slices, so that nobody waits for all of it. A topic that was forgotten begins anew
/// with a `previous` that may be a false alarm (``TopicHeads/forgottenThrough``); that is why nothing is forgotten while
/// the table is less than half full.
extension TopicHeads {
    /// How far the table was looked through.
    struct Forgetting {
        /// The next place.
        var next = 0
        /// What was trimmed when this round began.
        var roundTrimmedThrough: UInt64 = 0
        /// A whole round has found what there was with this much trimmed.
        var doneThrough: UInt64 = 0
        /// Forgotten topics that may still stand in the `heads` database.
        var topics: [Topic] = []
    }

    /// Places of the table that are looked at in one slice.
    static let visitedAtOnce = 8_192
    /// Forgotten topics that may wait to be removed from the `heads` database; then nothing is forgotten until they are.
    static let maximumForgotten = 65_536

    /// Whether the table is more than half full.
    private var isCrowded: Bool { count > limits.topics / 2 || nameBytes > limits.nameBytes / 2 }

    /// Whether there is something to forget, or to remove from the `heads` database.
    func isForgettingDue(trimmedThrough: UInt64) -> Bool {
        !forgetting.topics.isEmpty || (isCrowded && trimmedThrough > forgetting.doneThrough)
    }

    /// Forgets up to `maximum` topics of one slice, if the table is more than half full.
    mutating func forgetSlice(trimmedThrough: UInt64, maximum: Int) {
        var left = min(maximum, TopicHeads.maximumForgotten - forgetting.topics.count)
        var visits = min(TopicHeads.visitedAtOnce, heads.count)
        while left > 0, visits > 0, isCrowded, trimmedThrough > forgetting.doneThrough {
            if forgetting.next == 0 { forgetting.roundTrimmedThrough = trimmedThrough }
            if forget(forgetting.next, trimmedThrough) { left -= 1 }
            visits -= 1
            forgetting.next += 1
            guard forgetting.next >= heads.count else { continue }
            forgetting.next = 0
            forgetting.doneThrough = forgetting.roundTrimmedThrough
        }
    }

    private mutating func forget(_ slot: Int, _ trimmedThrough: UInt64) -> Bool {
        let head = heads[slot]
        // What is trimmed is in the saved heads, or it would not have been trimmed.
        guard head.committed <= trimmedThrough, head.latest == head.committed, !head.isProvisional,
            !topics[slot].name.isEmpty
        else { return false }
        forgottenThrough = max(forgottenThrough, head.committed)
        forgetting.topics.append(topics[slot])
        quotas.giveBack(head.owner)
        remove(slot)
        return true
    }

    /// Up to `count` topics that were forgotten and can be removed from the `heads` database.
    mutating func takeForgotten(_ count: Int) -> [Topic] {
        let taken = Array(forgetting.topics.suffix(count))
        forgetting.topics.removeLast(taken.count)
        return taken
    }

    /// `topics` were not removed from the `heads` database after all.
    mutating func forgettingFailed(_ topics: [Topic]) { forgetting.topics.append(contentsOf: topics) }
}
