import SluiceCore

/// What is known and what is being asked: pure bookkeeping, behind the authorizer's lock.
struct WebhookQuestions {
    /// How a question goes on.
    enum Step {
        /// There is a good answer.
        case known(KeptAnswer)
        /// Someone has asked it already: wait for the same request.
        case wait(WebhookRequest)
        /// Nobody has: ask the back end.
        case ask
        /// Too many are waiting.
        case refuse
    }

    private var answers: AnswerCache
    private var open: [WebhookQuestion: WebhookRequest] = [:]
    private let maximumOpen: Int
    private var nextComplaintWallNanoseconds: UInt64 = 0

    init(maximumAnswers: Int, maximumOpen: Int) {
        answers = AnswerCache(capacity: maximumAnswers)
        self.maximumOpen = maximumOpen
    }

    /// Questions that wait for the back end.
    var openCount: Int { open.count }

    /// The answer that is known, without asking.
    mutating func known(_ question: WebhookQuestion, atWallNanoseconds now: UInt64) -> KeptAnswer? {
        answers.answer(to: question, atWallNanoseconds: now)
    }

    /// Looks a question up; after ``Step/ask`` the caller must call ``started(_:_:)``.
    mutating func step(_ question: WebhookQuestion, atWallNanoseconds now: UInt64) -> Step {
        if let kept = answers.answer(to: question, atWallNanoseconds: now) { return .known(kept) }
        if let request = open[question] { return .wait(request) }
        return open.count < maximumOpen ? .ask : .refuse
    }

    /// A request for `question` is on its way.
    mutating func started(_ question: WebhookQuestion, _ request: WebhookRequest) { open[question] = request }

    /// The request has ended, with an answer or without.
    mutating func finished(_ question: WebhookQuestion, _ kept: KeptAnswer?) {
        open[question] = nil
        if let kept { answers.keep(kept, for: question) }
    }

    /// Whether a failure should be logged: one a second, since a back end that is down fails every question.
    mutating func shouldComplain(atWallNanoseconds now: UInt64) -> Bool {
        guard now >= nextComplaintWallNanoseconds else { return false }
        nextComplaintWallNanoseconds = now.saturatingAdd(1_000_000_000)
        return true
    }
}
