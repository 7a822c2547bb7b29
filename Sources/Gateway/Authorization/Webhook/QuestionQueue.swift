/// Which question the back end is asked next: pure bookkeeping, behind the authorizer's lock.
///
/// Anybody can cause questions, and a flood of them must not keep others waiting. So the questions of clients that the back end has let in
/// go first, within both kinds each asker has its turn, and when there is no room the asker with most loses its oldest. Nobody is held to a
/// share that nobody else wants, so that many clients behind one proxy can use all of it.
struct QuestionQueue<Item> {
    /// What becomes of an item.
    struct Step {
        let item: Item
        /// Whether it may ask now; otherwise it is refused.
        let isTurn: Bool
    }

    /// After so many turns of known askers in a row one that isn't known has its turn.
    static var knownTurnsInARow: Int { 3 }

    /// Askers that one ``refuseLate(at:)`` looks at in each of the two lines.
    static var askersPerCheck: Int { 1_024 }

    private let maximumRunning: Int
    private let maximumWaiting: Int
    private let maximumBytes: Int
    private var known = FairLine<QuestionAsker, Item>()
    private var unknown = FairLine<QuestionAsker, Item>()
    private var running: [QuestionAsker: Int] = [:]
    private var runningCount = 0
    private var knownTurns = 0

    /// A queue of a back end that is asked `maximumRunning` questions at a time.
    init(maximumRunning: Int, maximumWaiting: Int, maximumBytes: Int) {
        self.maximumRunning = maximumRunning
        self.maximumWaiting = maximumWaiting
        self.maximumBytes = maximumBytes
    }

    /// Items that wait for their turn.
    var waitingCount: Int { known.count + unknown.count }

    /// An item comes in; it waits until `deadlineNanoseconds` at most.
    mutating func add(_ item: Item, of asker: QuestionAsker, bytes: Int, deadlineNanoseconds: UInt64) -> [Step] {
        let entry = FairLine<QuestionAsker, Item>.Entry(
            item: item,
            bytes: bytes,
            deadlineNanoseconds: deadlineNanoseconds
        )
        if asker.isKnown { known.add(entry, of: asker) } else { unknown.add(entry, of: asker) }
        var steps = nextTurns()
        while waitingCount > maximumWaiting || known.bytes + unknown.bytes > maximumBytes {
            guard let last = unknown.takeFromLongest() ?? known.takeFromLongest() else { break }
            steps.append(Step(item: last.item, isTurn: false))
        }
        return steps
    }

    /// An item that had its turn is done.
    mutating func finish(_ asker: QuestionAsker) -> [Step] {
        runningCount -= 1
        let left = (running[asker] ?? 1) - 1
        running[asker] = left > 0 ? left : nil
        return nextTurns()
    }

    /// Refuses what has waited for too long.
    mutating func refuseLate(at now: UInt64) -> [Step] {
        let maximum = QuestionQueue.askersPerCheck
        let late = known.takeLate(at: now, askers: maximum) + unknown.takeLate(at: now, askers: maximum)
        return late.map { Step(item: $0.item, isTurn: false) }
    }

    private mutating func nextTurns() -> [Step] {
        var steps: [Step] = []
        while runningCount < maximumRunning, let (asker, entry) = nextEntry() {
            runningCount += 1
            running[asker, default: 0] += 1
            steps.append(Step(item: entry.item, isTurn: true))
        }
        return steps
    }

    private mutating func nextEntry() -> (asker: QuestionAsker, entry: FairLine<QuestionAsker, Item>.Entry)? {
        let (running, limit) = (running, runningPerAsker)
        // At most one asker can be at its limit, which is more than half of all: this passes over one at most.
        let isHeld: (QuestionAsker) -> Bool = { running[$0, default: 0] >= limit }
        if knownTurns < QuestionQueue.knownTurnsInARow || unknown.count == 0,
            let next = known.next(passingOver: isHeld)
        {
            knownTurns += 1
            return next
        }
        knownTurns = 0
        return unknown.next(passingOver: isHeld) ?? known.next(passingOver: isHeld)
    }

    /// A quarter of the connections is kept from the asker that has all others, so that a slow back end doesn't keep the next one waiting.
    private var runningPerAsker: Int { max(1, maximumRunning - maximumRunning / 4) }
}
