import ChangeQueue
import DequeModule
import SluiceCore

/// Topic → sequence number of its newest record: what gives each record its `previous`.
///
/// A value; the log tells it what it finds.
///
/// Numbers are first *staged*, while a transaction that may fail is being filled, and count when they are *published*
/// after the commit.
struct TopicHeads {
    struct Head {
        /// The newest committed record.
        var committed: UInt64
        /// The newest record, staged ones included.
        var latest: UInt64
        /// Who began the topic; on whose account it is.
        var owner = PrincipalID.server
        /// Whether `committed` differs from what the `heads` database has.
        var isUnsaved = false
        /// Whether a transaction that isn't committed has begun the topic.
        var isProvisional = false
    }

    /// What the table may hold.
    struct Limits: Sendable {
        /// Topics.
        var topics: Int
        /// Bytes of their names, with something for each entry.
        var nameBytes = Int.max
        /// What one principal may have of it.
        var quotas = TopicQuotas.Limits()
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

    let limits: Limits
    var quotas: TopicQuotas
    private var slots: [Topic: Int] = [:]
    var topics: [Topic] = []
    var heads: [Head] = []
    /// Places of `heads` whose topic was taken out, to be used again.
    private var vacant: [Int] = []
    private var staged: [(slot: Int, before: UInt64)] = []
    // The longest unsaved first. May name places whose head is saved, or was taken out, since: `unsavedCount` counts.
    private var unsavedSlots: Deque<Int> = []
    /// How many of the first of them the save under way is still to look at.
    private(set) var leftOfSave = 0
    /// How often a head that was saved got a newer record, since the start.
    private(set) var changes: UInt64 = 0
    var forgetting = Forgetting()
    /// Heads that aren't saved.
    private(set) var unsavedCount = 0
    /// Bytes of the names of all topics, each with ``entryBytes``.
    private(set) var nameBytes = 0
    /// Every record up to this one is known.
    private(set) var through: UInt64 = 0
    /// The last transaction whose records are known; see `Environment.lastTransactionIdentifier`.
    private(set) var knownTransaction: UInt64 = 0
    /// Topics whose newest record is at most this one may be unknown.
    var forgottenThrough: UInt64 = 0

    /// What an entry of the `heads` database takes beside the topic's name, bytes.
    static let entryBytes = 32

    init(_ limits: Limits) {
        self.limits = limits
        quotas = TopicQuotas(limits.quotas)
    }

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
        if slots[topic] == nil, sequence <= trimmedThrough, !hasRoom(for: topic) {
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
        let slot = slots[topic] ?? enter(topic, Head(committed: 0, latest: 0))
        guard sequence > heads[slot].committed else { return }
        heads[slot].committed = sequence
        heads[slot].latest = max(heads[slot].latest, sequence)
        heads[slot].isProvisional = false
        if !isSaved { markUnsaved(slot) }
    }

    // MARK: Entries

    private func hasRoom(for topic: Topic) -> Bool {
        slots.count < max(limits.topics, 1)
            && nameBytes + topic.name.utf8.count + TopicHeads.entryBytes <= limits.nameBytes
    }

    private mutating func enter(_ topic: Topic, _ head: Head) -> Int {
        let slot = vacant.popLast() ?? heads.count
        if slot == heads.count {
            topics.append(topic)
            heads.append(head)
        } else {
            topics[slot] = topic
            heads[slot] = head
        }
        slots[topic] = slot
        nameBytes += topic.name.utf8.count + TopicHeads.entryBytes
        return slot
    }

    /// Takes a topic out; nothing staged may name its place.
    mutating func remove(_ slot: Int) {
        let topic = topics[slot]
        if heads[slot].isUnsaved { unsavedCount -= 1 }
        slots[topic] = nil
        nameBytes -= topic.name.utf8.count + TopicHeads.entryBytes
        topics[slot] = TopicHeads.noTopic
        heads[slot] = Head(committed: 0, latest: 0)
        vacant.append(slot)
    }

    /// What stands in a place that is vacant.
    static let noTopic = Topic(alreadyChecked: "")

    // MARK: The chain

    /// The newest committed record of `topic`.
    ///
    /// For a topic that may have been forgotten, the newest number that it can have had.
    func head(of topic: Topic) -> SequenceNumber {
        guard let slot = slots[topic] else { return SequenceNumber(forgottenThrough) }
        return SequenceNumber(heads[slot].committed)
    }

    /// Stages `sequence` as the topic's newest record and returns the one before it.
    ///
    /// A new topic goes on the account of `principal`, whose rate `nowNanoseconds` of the monotonic clock is for. A topic
    /// all of whose records are up to `trimmedThrough` may make room for it.
    /// - Throws: why the topic, which is new, can't be begun; nothing is staged then.
    mutating func stage(
        _ topic: Topic,
        _ sequence: UInt64,
        by principal: PrincipalID = .server,
        isAlwaysAdmitted: Bool = false,
        trimmedThrough: UInt64,
        nowNanoseconds: UInt64 = 0
    ) throws(AppendRefusal) -> SequenceNumber {
        let slot: Int
        if let known = slots[topic] {
            slot = known
        } else {
            slot = try begin(topic, isAlwaysAdmitted ? nil : principal, trimmedThrough, nowNanoseconds)
        }
        let previous = heads[slot].latest
        staged.append((slot, previous))
        heads[slot].latest = sequence
        return SequenceNumber(previous)
    }

    /// Enters a topic for its first record.
    ///
    /// `principal`: nil for the change of an item that frees room. It is admitted whatever the table holds; the items
    /// that there are bound how often that can be.
    private mutating func begin(
        _ topic: Topic,
        _ principal: PrincipalID?,
        _ trimmedThrough: UInt64,
        _ nowNanoseconds: UInt64
    ) throws(AppendRefusal) -> Int {
        if !hasRoom(for: topic) { forgetSlice(trimmedThrough: trimmedThrough, maximum: TopicHeads.forgottenInline) }
        if let principal {
            guard hasRoom(for: topic) else { throw .topicsFull }
            if let refusal = quotas.take(principal, nowNanoseconds: nowNanoseconds) { throw refusal }
        }
        // The chain of a topic that may have been forgotten leads to the newest record that it can have had: it is
        // trimmed, so that whoever walks there learns of a gap that may be empty, and never misses a record in
        // silence.
        let owner = principal ?? .server
        return enter(
            topic,
            Head(committed: forgottenThrough, latest: forgottenThrough, owner: owner, isProvisional: true)
        )
    }

    private static let forgottenInline = 64

    /// How much is staged, for ``unstage(downTo:)``.
    var stagedCount: Int { staged.count }

    /// Takes back what was staged after `count`, newest first, with the topics that it began.
    mutating func unstage(downTo count: Int) {
        while staged.count > count, let last = staged.popLast() {
            // Another thread may have followed the log meanwhile.
            heads[last.slot].latest = max(last.before, heads[last.slot].committed)
            // Of several records of a topic that was begun, the first is the last to be taken back.
            guard heads[last.slot].isProvisional, last.before == heads[last.slot].committed else { continue }
            quotas.takeBack(heads[last.slot].owner)
            remove(last.slot)
        }
    }

    /// What is staged was committed by `transaction`; the log ends with `sequence`.
    mutating func publish(through sequence: UInt64, transaction: UInt64) {
        for (slot, _) in staged where heads[slot].latest > heads[slot].committed {
            heads[slot].committed = heads[slot].latest
            heads[slot].isProvisional = false
            markUnsaved(slot)
        }
        staged.removeAll(keepingCapacity: true)
        followed(through: sequence, transaction: transaction)
    }

    // MARK: Saving

    private mutating func markUnsaved(_ slot: Int) {
        guard !heads[slot].isUnsaved else { return }
        heads[slot].isUnsaved = true
        unsavedCount += 1
        changes &+= 1
        unsavedSlots.append(slot)
    }

    /// Begins a save of all heads that aren't saved now; what changes later isn't part of it.
    ///
    /// When ``leftOfSave`` is 0, every record up to the number that is returned is covered by the saved heads.
    mutating func beginSave() -> UInt64 {
        leftOfSave = unsavedSlots.count
        return through
    }

    /// Up to `count` heads that aren't saved, those of the save under way first.
    ///
    /// They count as saved from now on; ``saveFailed(_:)`` takes that back.
    mutating func takeUnsaved(_ count: Int) -> [(topic: Topic, sequence: UInt64)] {
        var taken: [(topic: Topic, sequence: UInt64)] = []
        while taken.count < count, let slot = unsavedSlots.popFirst() {
            leftOfSave = max(0, leftOfSave - 1)
            guard heads[slot].isUnsaved else { continue }
            heads[slot].isUnsaved = false
            unsavedCount -= 1
            taken.append((topics[slot], heads[slot].committed))
        }
        return taken
    }

    /// The heads of `topics` were not saved after all; they are the save's next ones again.
    mutating func saveFailed(_ topics: [Topic]) {
        for topic in topics {
            guard let slot = slots[topic] else { continue }
            if !heads[slot].isUnsaved {
                heads[slot].isUnsaved = true
                unsavedCount += 1
            }
            unsavedSlots.prepend(slot)
            leftOfSave += 1
        }
    }
}
