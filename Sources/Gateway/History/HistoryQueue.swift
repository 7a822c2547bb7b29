import DequeModule
import FanOut
import SluiceCore

/// Whose history work is next: principals take turns, and so do the connections of each; a connection has one piece of work under way at a time
/// and the rest of its work waits in its order.
///
/// So who asks for a thousand walks waits for them himself: others wait for one piece of each asker before them.
struct HistoryQueue<Work> {
    private struct Line {
        var waiting: Deque<Work> = []
        var isRunning = false
        /// Stands in its principal's turns.
        var isReady = false
    }

    private var lines: [HistoryAsker: Line] = [:]
    /// The connections of each principal that have work and none under way; a principal stands here only while it has some.
    private var ready: [ByteString?: Deque<HistoryAsker>] = [:]
    private var turns: Deque<ByteString?> = []

    /// Pieces of work that wait.
    private(set) var waitingCount = 0

    /// Takes work in.
    mutating func add(_ work: Work, for asker: HistoryAsker) {
        lines[asker, default: Line()].waiting.append(work)
        waitingCount += 1
        makeReady(asker)
    }

    /// The work whose turn it is; its connection gets no more until ``finished(_:)``.
    mutating func next() -> (asker: HistoryAsker, work: Work)? {
        while let principal = turns.popFirst() {
            // Those who have left still stand in the turns.
            while let asker = ready[principal]?.popFirst() {
                guard let work = lines[asker]?.waiting.popFirst() else { continue }
                lines[asker]?.isReady = false
                lines[asker]?.isRunning = true
                waitingCount -= 1
                if ready[principal]?.isEmpty == false { turns.append(principal) } else { ready[principal] = nil }
                return (asker, work)
            }
            ready[principal] = nil
        }
        return nil
    }

    /// The work that ``next()`` gave is done.
    mutating func finished(_ asker: HistoryAsker) {
        guard lines[asker] != nil else { return }
        lines[asker]?.isRunning = false
        if lines[asker]?.waiting.isEmpty == true { lines[asker] = nil } else { makeReady(asker) }
    }

    /// A connection is gone.
    /// - Returns: its work, which won't be done; what is under way isn't among it.
    mutating func leave(_ asker: HistoryAsker) -> [Work] {
        guard let line = lines[asker] else { return [] }
        waitingCount -= line.waiting.count
        if line.isRunning {
            lines[asker]?.waiting = []
        } else {
            lines[asker] = nil
            ready[asker.principal]?.removeAll { $0 == asker }
        }
        return Array(line.waiting)
    }

    /// Everything that waits, which won't be done.
    mutating func removeAll() -> [Work] {
        defer { self = HistoryQueue() }
        return lines.values.flatMap(\.waiting)
    }

    private mutating func makeReady(_ asker: HistoryAsker) {
        guard let line = lines[asker], !line.isRunning, !line.isReady else { return }
        lines[asker]?.isReady = true
        if ready[asker.principal] == nil { turns.append(asker.principal) }
        ready[asker.principal, default: []].append(asker)
    }
}
