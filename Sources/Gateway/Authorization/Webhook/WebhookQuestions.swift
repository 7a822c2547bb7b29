import SluiceCore

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
