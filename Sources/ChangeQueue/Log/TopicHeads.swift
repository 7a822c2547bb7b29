import SluiceCore

/// Topic → sequence number of its newest record: what gives each record its `previous`.
///
/// A value; the log tells it what it finds.
///
/// Numbers are first *staged*, while a transaction that may fail is being filled, and count when they are *published*
/// after the commit.
struct TopicHeads {
    private struct Head {
        /// The newest committed record.
        var committed: UInt64
        /// The newest record, staged ones included.
        var latest: UInt64
        /// Whether `committed` differs from what the `heads` database has.
        var isUnsaved: Bool
    }

    /// How to learn what other processes have committed.
    enum TailPlan: Equatable {
        /// There is nothing new.
        case current
        /// The records after this number are read.
        case read(after: UInt64)
        /// Records were trimmed that were never read here: the saved heads are read again, then the records after this
        /// number.
        case reloadSaved(thenReadAfter: UInt64)
    }

    private let maximumTopics: Int
    private var slots: [Topic: Int] = [:]
    private var topics: [Topic] = []
    private var heads: [Head] = []
    private var staged: [(slot: Int, before: UInt64)] = []
    private var unsavedSlots: [Int] = []
    private var forgotten: [Topic] = []
    private var forgettingNextAt: UInt64 = 0
    /// Every record up to this one is known.
    private(set) var through: UInt64 = 0
    /// The last transaction whose records are known; see `Environment.lastTransactionIdentifier`.
    private(set) var knownTransaction: UInt64 = 0
    /// Topics whose newest record is at most this one may be unknown.
    private(set) var forgottenThrough: UInt64 = 0

    init(maximumTopics: Int) { self.maximumTopics = max(maximumTopics, 1) }

    /// Topics that are known.
    var count: Int { slots.count }

    // MARK: Following the log

    /// What must be read before the heads are those of a log with these numbers.
    func plan(trimmedThrough: UInt64, lastSequence: UInt64) -> TailPlan {
        if lastSequence <= through { return .current }
        return trimmedThrough > through ? .reloadSaved(thenReadAfter: trimmedThrough) : .read(after: through)
    }

    /// A head that was saved.
    ///
    /// Topics beyond the maximum are left out if their records are gone.
    mutating func load(_ topic: Topic, _ sequence: UInt64, trimmedThrough: UInt64) {
        if slots[topic] == nil, sequence <= trimmedThrough, slots.count >= maximumTopics {
            forgottenThrough = max(forgottenThrough, sequence)
            return
        }
        advance(topic, to: sequence, isSaved: true)
    }

    /// A committed record of any process.
    ///
    /// Its topic is entered even beyond the maximum: the chain must stay right.
    mutating func follow(_ topic: Topic, _ sequence: UInt64) { advance(topic, to: sequence, isSaved: false) }

    /// Every record up to `sequence` and of the transactions up to `transaction` has been followed.
    mutating func followed(through sequence: UInt64, transaction: UInt64) {
        through = max(through, sequence)
        knownTransaction = max(knownTransaction, transaction)
    }

    /// Topics with a newest record up to `sequence` may be missing: another process, or an earlier run, has forgotten
    /// them.
    mutating func noteForgotten(through sequence: UInt64) { forgottenThrough = max(forgottenThrough, sequence) }

    private mutating func advance(_ topic: Topic, to sequence: UInt64, isSaved: Bool) {
        let slot = slots[topic] ?? enter(topic, head: 0)
        guard sequence > heads[slot].committed else { return }
        heads[slot].committed = sequence
        heads[slot].latest = max(heads[slot].latest, sequence)
        if !isSaved { markUnsaved(slot) }
    }

    private mutating func enter(_ topic: Topic, head: UInt64) -> Int {
        let slot = heads.count
        slots[topic] = slot
        topics.append(topic)
        heads.append(Head(committed: head, latest: head, isUnsaved: false))
        return slot
    }

    // MARK: The chain

    /// The newest committed record of `topic`.
    ///
    /// For a topic that may have been forgotten, the newest number that it can have had.
    func head(of topic: Topic) -> SequenceNumber {
        guard let slot = slots[topic] else { return SequenceNumber(forgottenThrough) }
        return SequenceNumber(heads[slot].committed)
    }

    /// Stages `sequence` as the topic's newest record and returns the one before it; nil when there are too many
    /// topics.
    mutating func stage(_ topic: Topic, _ sequence: UInt64, trimmedThrough: UInt64) -> SequenceNumber? {
        let slot: Int
        if let known = slots[topic] {
            slot = known
        } else {
            if slots.count >= maximumTopics { forget(trimmedThrough: trimmedThrough) }
            guard slots.count < maximumTopics else { return nil }
            // The chain of a topic that may have been forgotten leads to the newest record that it can have had: it is
            // trimmed, so that whoever walks there learns of a gap that may be empty, and never misses a record in
            // silence.
            slot = enter(topic, head: forgottenThrough)
        }
        let previous = heads[slot].latest
        staged.append((slot, previous))
        heads[slot].latest = sequence
        return SequenceNumber(previous)
    }

    /// How much is staged, for ``unstage(downTo:)``.
    var stagedCount: Int { staged.count }

    /// Takes back what was staged after `count`, newest first.
    mutating func unstage(downTo count: Int) {
        while staged.count > count, let last = staged.popLast() { heads[last.slot].latest = last.before }
    }

    /// What is staged was committed by `transaction`; the log ends with `sequence`.
    mutating func publish(through sequence: UInt64, transaction: UInt64) {
        for (slot, _) in staged where heads[slot].latest > heads[slot].committed {
            heads[slot].committed = heads[slot].latest
            markUnsaved(slot)
        }
        staged.removeAll(keepingCapacity: true)
        followed(through: sequence, transaction: transaction)
    }

    // MARK: Saving

    private mutating func markUnsaved(_ slot: Int) {
        guard !heads[slot].isUnsaved else { return }
        heads[slot].isUnsaved = true
        unsavedSlots.append(slot)
    }

    /// Up to `count` heads that aren't saved.
    ///
    /// They count as saved from now on; ``saveFailed(_:)`` takes that back.
    mutating func takeUnsaved(_ count: Int) -> [(topic: Topic, sequence: UInt64)] {
        let taken = unsavedSlots.suffix(count)
        unsavedSlots.removeLast(taken.count)
        return taken.map { slot in
            heads[slot].isUnsaved = false
            return (topics[slot], heads[slot].committed)
        }
    }

    /// The heads of `topics` were not saved after all.
    mutating func saveFailed(_ topics: [Topic]) {
        for topic in topics {
            if let slot = slots[topic] { markUnsaved(slot) }
        }
    }

    /// Heads that aren't saved.
    var unsavedCount: Int { unsavedSlots.count }

    // MARK: Forgetting

    /// Up to `count` topics that were forgotten and can be removed from the `heads` database.
    mutating func takeForgotten(_ count: Int) -> [Topic] {
        let taken = Array(forgotten.suffix(count))
        forgotten.removeLast(taken.count)
        return taken
    }

    /// Forgets the topics whose records are all trimmed.
    ///
    /// Looks at every topic, so it waits between two attempts until a sixteenth of the maximum has been trimmed.
    private mutating func forget(trimmedThrough: UInt64) {
        guard trimmedThrough >= forgettingNextAt, trimmedThrough > 0 else { return }
        forgettingNextAt = trimmedThrough &+ UInt64(max(maximumTopics / 16, 1))
        let stagedSlots = Set(staged.map(\.slot))
        var kept = TopicHeads(maximumTopics: maximumTopics)
        var movedTo: [Int: Int] = [:]
        for (slot, head) in heads.enumerated() {
            guard head.committed > trimmedThrough || stagedSlots.contains(slot) else {
                forgottenThrough = max(forgottenThrough, head.committed)
                forgotten.append(topics[slot])
                continue
            }
            let newSlot = kept.enter(topics[slot], head: 0)
            kept.heads[newSlot] = head
            if stagedSlots.contains(slot) { movedTo[slot] = newSlot }
            if head.isUnsaved { kept.unsavedSlots.append(newSlot) }
        }
        staged = staged.map { (movedTo[$0.slot] ?? 0, $0.before) }
        slots = kept.slots
        topics = kept.topics
        heads = kept.heads
        unsavedSlots = kept.unsavedSlots
    }
}
