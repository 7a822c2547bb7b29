import SluiceCore
import Testing

@testable import Gateway

@Suite("WebhookQuestions")
struct WebhookQuestionsTests {
    private let first = WebhookQuestion.topic(.subscribe, Topic(alreadyChecked: "a"), principal: nil, token: nil)
    private let second = WebhookQuestion.topic(.publish, Topic(alreadyChecked: "a"), principal: nil, token: nil)
    private let request = WebhookRequest { .failure(.authorizerUnavailable) }

    private func name(_ step: WebhookQuestions.Step) -> String {
        switch step {
        case .known: "known"
        case .wait: "wait"
        case .ask: "ask"
        case .refuse: "refuse"
        }
    }

    @Test("a question is asked once, waited for meanwhile, and known afterwards")
    func life() {
        var questions = WebhookQuestions(maximumAnswers: 2, maximumOpen: 2)
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "ask")
        questions.started(first, request)
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "wait")
        #expect(name(questions.step(second, atWallNanoseconds: 0)) == "ask")
        let kept = KeptAnswer(answer: .refused(nil), validUntilWallNanoseconds: 10, expiresAtWallNanoseconds: nil)
        questions.finished(first, kept)
        #expect(questions.openCount == 0)
        #expect(name(questions.step(first, atWallNanoseconds: 9)) == "known")
        #expect(name(questions.step(first, atWallNanoseconds: 10)) == "ask")
    }

    @Test("a question that got no answer is asked again")
    func failure() {
        var questions = WebhookQuestions(maximumAnswers: 2, maximumOpen: 2)
        questions.started(first, request)
        questions.finished(first, nil)
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "ask")
    }

    @Test("too many open questions are refused, those already asked are not")
    func limit() {
        var questions = WebhookQuestions(maximumAnswers: 2, maximumOpen: 1)
        questions.started(first, request)
        #expect(name(questions.step(second, atWallNanoseconds: 0)) == "refuse")
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "wait")
    }

    @Test("failures are logged once a second")
    func complaints() {
        var questions = WebhookQuestions(maximumAnswers: 1, maximumOpen: 1)
        let complaints = [5, 1_000_000_004, 1_000_000_005].map { questions.shouldComplain(atWallNanoseconds: $0) }
        #expect(complaints == [true, false, true])
    }
}
