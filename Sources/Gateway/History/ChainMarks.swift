import SluiceCore
import Synchronization

/// Places in topics' chains that pages of history have passed, so that the next page needn't walk down from the topic's head again.
///
/// The chain leads backwards only. What is kept here can be lost at any time: then a page walks from the head once more.
final class ChainMarks: Sendable {
    private let topics: Mutex<TopicMarks>

    init(maximumMarks: Int = 200_000) { topics = Mutex(TopicMarks(maximumMarks: maximumMarks)) }

    /// The record to walk down from for `count` records after a number; nil: from the topic's head.
    func start(of topic: Topic, after: SequenceNumber, count: Int) -> SequenceNumber? {
        topics.withLock { $0.start(of: topic, after: after, count: count) }
    }

    /// A walk has passed these, downwards, each ``ChainWalk/markInterval`` records from the next.
    func add(_ marks: [SequenceNumber], of topic: Topic) {
        guard !marks.isEmpty else { return }
        topics.withLock { $0.add(marks, of: topic) }
    }

    /// A mark's record isn't there any more.
    func remove(of topic: Topic) { topics.withLock { $0.remove(of: topic) } }
}

/// The marks of topics, as many as there is room for.
struct TopicMarks {
    private struct Mark {
        let sequence: SequenceNumber
        /// Records from the mark before it to this one; 0 when nobody has counted them.
        let records: Int
    }

    private let maximumMarks: Int
    private var marks: [Topic: [Mark]] = [:]
    private var count = 0

    init(maximumMarks: Int) { self.maximumMarks = maximumMarks }

    func start(of topic: Topic, after: SequenceNumber, count: Int) -> SequenceNumber? {
        guard let marks = marks[topic] else { return nil }
        var low = 0
        var high = marks.count
        while low < high {
            let middle = (low + high) / 2
            if marks[middle].sequence > after { high = middle } else { low = middle + 1 }
        }
        var found = 0
        for mark in marks[min(low + 1, marks.count)...] {
            found += mark.records
            // One more than asked for, so that there is always a next page.
            if found > count { return mark.sequence }
        }
        return nil
    }

    mutating func add(_ new: [SequenceNumber], of topic: Topic) {
        let known = marks[topic] ?? []
        let above = new.filter { sequence in known.last.map { sequence > $0.sequence } ?? true }.reversed()
        guard !above.isEmpty else { return }
        if count + above.count > maximumMarks { removeAll() }
        var all = marks[topic] ?? []
        for (index, sequence) in above.enumerated() {
            all.append(Mark(sequence: sequence, records: index == 0 ? 0 : ChainWalk.markInterval))
        }
        count += above.count
        marks[topic] = all
    }

    mutating func remove(of topic: Topic) { count -= marks.removeValue(forKey: topic)?.count ?? 0 }

    private mutating func removeAll() {
        marks = [:]
        count = 0
    }
}
