import ChangeQueue

/// The records of one shard that a publisher has in its hands.
///
/// It is the publisher's own: when the publisher dies, the shard's checkpoint says where the next one goes on.
struct ShardWindow: Sendable {
    /// A record that was handed out.
    private struct Entry {
        enum State {
            case inFlight
            case retired
            case failed
        }

        let sequence: UInt64
        let receive: UInt64
        var state = State.inFlight
    }

    /// The lease of the shard that the window belongs to.
    let lease: UInt64
    // Ascending; those before `head` are gone. An array with a moving head: records are mostly retired in order.
    private var entries: [Entry] = []
    private var head = 0
    private var unanswered = 0
    private var failed = 0

    init(lease: UInt64) { self.lease = lease }

    /// Records that aren't retired in order.
    var count: Int { entries.count - head }
    /// Whether everything is retired.
    var isEmpty: Bool { head == entries.count }
    /// Whether a record of it failed: the shard hands out nothing more, and goes back when the rest is answered.
    var hasFailed: Bool { failed > 0 }
    /// Everything before this record is retired; nil when everything is.
    var lowest: UInt64? { isEmpty ? nil : entries[head].sequence }

    /// Adds a record after the others.
    mutating func append(_ sequence: UInt64, receive: UInt64) {
        entries.append(Entry(sequence: sequence, receive: receive))
        unanswered += 1
    }

    /// A record is delivered.
    mutating func retire(_ sequence: UInt64, receive: UInt64) {
        guard let index = index(of: sequence, receive) else { return }
        entries[index].state = .retired
        unanswered -= 1
        while head < entries.count, entries[head].state == .retired { head += 1 }
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1_024, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// A record couldn't be delivered.
    /// - Returns: whether the handle was good.
    mutating func fail(_ sequence: UInt64, receive: UInt64) -> Bool {
        guard let index = index(of: sequence, receive) else { return false }
        entries[index].state = .failed
        unanswered -= 1
        failed += 1
        return true
    }

    /// When a record has failed and all others are answered: drops the failed one and those after it, which are then
    /// handed out again in order.
    /// - Returns: the lowest failed record; nil when it isn't time.
    mutating func takeFailure() -> UInt64? {
        guard failed > 0, unanswered == 0, let index = entries[head...].firstIndex(where: { $0.state == .failed })
        else {
            return nil
        }
        let sequence = entries[index].sequence
        entries.removeSubrange(index...)
        failed = 0
        return sequence
    }

    private func index(of sequence: UInt64, _ receive: UInt64) -> Int? {
        var (low, high) = (head, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count else { return nil }
        let entry = entries[low]
        return entry.sequence == sequence && entry.receive == receive && entry.state == .inFlight ? low : nil
    }
}
