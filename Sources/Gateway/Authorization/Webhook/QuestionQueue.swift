import SluiceCore

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

/// What is known, what is being asked and what waits to be: pure bookkeeping, behind the authorizer's lock.
struct WebhookQuestions {
    /// Somebody who waits for a question's turn: told whether it may ask.
    typealias Turn = CheckedContinuation<Bool, Never>

    /// How a question goes on.
    enum Step {
        /// There is a good answer.
        case known(KeptAnswer)
        /// Someone has asked it already: wait for the same request.
        case wait(WebhookRequest)
        /// Nobody has: ask the back end.
        case ask
    }

    /// Kept answers that one round of upkeep looks at, in each part of the cache: a fraction of a millisecond of the lock.
    private static let slotsPerUpkeep = 2_048

    /// The answers.
    private(set) var answers: AnswerCache
    /// The turns.
    var queue: QuestionQueue<Turn>
    /// Whether somebody calls ``upkeep(atWallNanoseconds:nanoseconds:)`` from time to time.
    private var isKeptUp = false
    private var reportedEvictionCount = 0
    private var open: [QuestionKey: WebhookRequest] = [:]

    init(_ configuration: WebhookConfiguration) {
        answers = AnswerCache(maximumBytes: configuration.maximumCacheBytes)
        queue = QuestionQueue(
            maximumRunning: configuration.maximumConnections,
            maximumWaiting: configuration.maximumOpenQuestions,
            maximumBytes: configuration.maximumOpenBytes
        )
    }

    /// Questions that wait for their turn or for the back end.
    var openCount: Int { open.count }

    /// The answer that is known, without asking.
    mutating func known(_ key: QuestionKey, atWallNanoseconds now: UInt64) -> KeptAnswer? {
        answers.answer(to: key, atWallNanoseconds: now)
    }

    /// Looks a question up; after ``Step/ask`` the caller must call ``started(_:_:)``.
    mutating func step(_ key: QuestionKey, atWallNanoseconds now: UInt64) -> Step {
        if let kept = answers.answer(to: key, atWallNanoseconds: now) { return .known(kept) }
        if let request = open[key] { return .wait(request) }
        return .ask
    }

    /// A request for the question is on its way.
    mutating func started(_ key: QuestionKey, _ request: WebhookRequest) { open[key] = request }

    /// The request has ended, with an answer or without.
    mutating func finished(_ key: QuestionKey, _ kept: KeptAnswer?, atWallNanoseconds now: UInt64) {
        open[key] = nil
        if let kept { answers.keep(kept, for: key, atWallNanoseconds: now) }
    }

    /// Whether the caller must see to it that ``upkeep(atWallNanoseconds:nanoseconds:)`` is called from now on.
    mutating func startsUpkeep() -> Bool {
        defer { isKeptUp = true }
        return !isKeptUp
    }

    /// Forgets answers whose time is over and refuses what has waited for too long.
    /// - Returns: the turns to refuse; nil when there is nothing left to look after, and nobody needs to call again.
    mutating func upkeep(atWallNanoseconds wall: UInt64, nanoseconds now: UInt64) -> [QuestionQueue<Turn>.Step]? {
        answers.sweep(slots: WebhookQuestions.slotsPerUpkeep, atWallNanoseconds: wall)
        let steps = queue.refuseLate(at: now)
        if answers.count == 0, open.isEmpty, steps.isEmpty {
            isKeptUp = false
            return nil
        }
        return steps
    }

    /// How things stand, for the metrics.
    mutating func state() -> WebhookState {
        defer { reportedEvictionCount = answers.evictionCount }
        return WebhookState(
            waitingCount: queue.waitingCount,
            answerCount: answers.count,
            cacheBytes: answers.bytes,
            newEvictionCount: answers.evictionCount - reportedEvictionCount
        )
    }
}
