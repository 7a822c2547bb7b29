import SluiceCore
import Testing

@testable import Gateway

@Suite("WebhookQuestions")
struct WebhookQuestionsTests {
    private let first = QuestionKey(.subscribe, Topic(alreadyChecked: "a"), Grant())
    private let second = QuestionKey(.publish, Topic(alreadyChecked: "a"), Grant())
    private let request = WebhookRequest { .failure(.authorizerUnavailable) }

    private func name(_ step: WebhookQuestions.Step) -> String {
        switch step {
        case .known: "known"
        case .wait: "wait"
        case .ask: "ask"
        }
    }

    @Test("a question is asked once, waited for meanwhile, and known afterwards")
    func life() {
        var questions = WebhookQuestions(WebhookConfiguration())
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "ask")
        questions.started(first, request)
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "wait")
        #expect(name(questions.step(second, atWallNanoseconds: 0)) == "ask")
        let kept = KeptAnswer(answer: .refused(nil), validUntilWallNanoseconds: 10, expiresAtWallNanoseconds: nil)
        questions.finished(first, kept, atWallNanoseconds: 0)
        #expect(questions.openCount == 0)
        #expect(name(questions.step(first, atWallNanoseconds: 9)) == "known")
        #expect(name(questions.step(first, atWallNanoseconds: 10)) == "ask")
    }

    @Test("a question that got no answer is asked again")
    func failure() {
        var questions = WebhookQuestions(WebhookConfiguration())
        questions.started(first, request)
        questions.finished(first, nil, atWallNanoseconds: 0)
        #expect(name(questions.step(first, atWallNanoseconds: 0)) == "ask")
    }

    @Test("it is looked after as long as there is something to look after, without another question")
    func upkeep() {
        var questions = WebhookQuestions(WebhookConfiguration())
        #expect([questions.startsUpkeep(), questions.startsUpkeep()] == [true, false])
        questions.started(first, request)
        #expect(questions.upkeep(atWallNanoseconds: 0, nanoseconds: 0) != nil)
        let kept = KeptAnswer(answer: .refused(nil), validUntilWallNanoseconds: 10, expiresAtWallNanoseconds: nil)
        questions.finished(first, kept, atWallNanoseconds: 0)
        #expect(questions.upkeep(atWallNanoseconds: 9, nanoseconds: 0) != nil)
        #expect(questions.answers.count == 1)
        #expect(questions.upkeep(atWallNanoseconds: 10, nanoseconds: 0) == nil)
        #expect(questions.answers.count == 0)
        #expect(questions.startsUpkeep() == true)
    }
}
