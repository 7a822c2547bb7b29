import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("AnswerCache")
struct AnswerCacheTests {
    private func question(_ number: Int) -> WebhookQuestion {
        .topic(.subscribe, Topic(alreadyChecked: String(number)), principal: nil, token: nil)
    }

    private func kept(_ reason: Int, until: UInt64 = 100) -> KeptAnswer {
        KeptAnswer(answer: .refused(String(reason)), validUntilWallNanoseconds: until, expiresAtWallNanoseconds: nil)
    }

    @Test("an answer is good until its time is over")
    func validity() {
        var cache = AnswerCache(capacity: 4)
        cache.keep(kept(1), for: question(1))
        #expect(cache.answer(to: question(1), atWallNanoseconds: 99)?.answer.reason == "1")
        #expect(cache.answer(to: question(1), atWallNanoseconds: 100) == nil)
        #expect(cache.answer(to: question(2), atWallNanoseconds: 0) == nil)
    }

    @Test("a full cache agrees with a simple model of least recent use")
    func model() {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for capacity in [1, 2, 7] {
            var cache = AnswerCache(capacity: capacity)
            // Oldest first.
            var model: [(key: Int, value: Int)] = []
            for step in 0..<2_000 {
                let key = Int.random(in: 0..<12, using: &random)
                if Bool.random(using: &random) {
                    cache.keep(kept(step), for: question(key))
                    model.removeAll { $0.key == key }
                    if model.count == capacity { model.removeFirst() }
                    model.append((key, step))
                } else {
                    let expected = model.first { $0.key == key }
                    #expect(
                        cache.answer(to: question(key), atWallNanoseconds: 0)?.answer.reason
                            == expected.map { String($0.value) }
                    )
                    if let expected {
                        model.removeAll { $0.key == key }
                        model.append(expected)
                    }
                }
                #expect(cache.count == model.count)
            }
        }
    }
}
