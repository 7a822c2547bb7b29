import SluiceCore
import Testing

@testable import Gateway

@Suite("AnswerCache")
struct AnswerCacheTests {
    private func key(_ number: Int) -> QuestionKey {
        QuestionKey(.subscribe, Topic(alreadyChecked: String(number)), Grant(principal: "p"))
    }

    private func kept(isAllowed: Bool, reason: String? = nil, until: UInt64 = 100) -> KeptAnswer {
        var answer = WebhookAnswer.refused(reason)
        answer.isAllowed = isAllowed
        return KeptAnswer(answer: answer, validUntilWallNanoseconds: until, expiresAtWallNanoseconds: nil)
    }

    @Test("refusals, however many, push out no answer that lets a client in, and stay in their part")
    func refusals() {
        let budget = 256 * 1024
        var cache = AnswerCache(maximumBytes: budget)
        for number in 0..<100 { cache.keep(kept(isAllowed: true), for: key(number), atWallNanoseconds: 0) }
        let before = cache.bytes
        for number in 100..<20_000 {
            cache.keep(kept(isAllowed: false, reason: "no"), for: key(number), atWallNanoseconds: 0)
        }
        for number in 0..<100 { #expect(cache.answer(to: key(number), atWallNanoseconds: 0)?.answer.isAllowed == true) }
        #expect(cache.bytes - before <= budget / AnswerCache.refusalShare)
        #expect(cache.evictionCount > 0)
    }

    @Test("an answer that is long counts for what it holds")
    func size() {
        var cache = AnswerCache(maximumBytes: 1 << 20)
        cache.keep(kept(isAllowed: true), for: key(1), atWallNanoseconds: 0)
        let small = cache.bytes
        cache.keep(
            kept(isAllowed: true, reason: String(repeating: "x", count: 10_000)),
            for: key(1),
            atWallNanoseconds: 0
        )
        #expect(cache.count == 1)
        #expect(cache.bytes >= small + 10_000)
    }

    @Test("the last answer to a question counts, whichever way it went")
    func change() {
        var cache = AnswerCache(maximumBytes: 1 << 20)
        for isAllowed in [true, false, true] {
            cache.keep(kept(isAllowed: isAllowed), for: key(1), atWallNanoseconds: 0)
            #expect(cache.answer(to: key(1), atWallNanoseconds: 0)?.answer.isAllowed == isAllowed)
            #expect(cache.count == 1)
        }
    }

    @Test("a grant that was changed has another key: its digest isn't that of who it was")
    func changedGrant() {
        let topic = Topic(alreadyChecked: "t")
        var grant = Grant(principal: "alice", token: "a")
        grant.asker = GrantedAsker(digest: AskerDigest(WebhookQuestion.askerJSON(grant)), asker: .principal("alice"))
        let alice = QuestionKey(.publish, topic, grant)
        #expect(alice == QuestionKey(.publish, topic, Grant(principal: "alice", token: "a")))
        grant.principal = "bob"
        #expect(QuestionKey(.publish, topic, grant) != alice)
        #expect(QuestionKey(.publish, topic, Grant(principal: "alice", token: "b")) != alice)
        #expect(QuestionKey(.publish, topic, Grant(principal: nil, token: "a")) != alice)
    }
}
