import SluiceCore
import TestSupport
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite("Topic fingerprints")
struct TopicFingerprintsTests {
    @Test("it answers like a dictionary while topics come and go, far beyond its first size and back")
    func likeADictionary() {
        var random = SeededGenerator(seed: SeededGenerator.printedSeed())
        var fingerprints = TopicFingerprints()
        var plain: [Topic: TopicFingerprints.Answer] = [:]
        for phase in [10, 3, 10, 1] {
            for _ in 0..<10_000 {
                let topic = Topic(alreadyChecked: "t/\(Int.random(in: 0..<3_000, using: &random))")
                if Int.random(in: 0..<12, using: &random) < phase {
                    let answer = TopicFingerprints.Answer.random(in: 0..<TopicFingerprints.answers, using: &random)
                    fingerprints.set(answer, for: topic)
                    plain[topic] = answer
                } else {
                    fingerprints.remove(topic)
                    plain[topic] = nil
                }
            }
            #expect(fingerprints.count == plain.count)
            let topics = (0..<3_000).map { Topic(alreadyChecked: "t/\($0)") }
            #expect(topics.map { fingerprints.answer(for: $0) } == topics.map { plain[$0] })
            #expect(fingerprints.answers(for: topics) == topics.map { plain[$0] })
        }
    }

    @Test("the first and the last answer come back as they were")
    func limits() {
        var fingerprints = TopicFingerprints()
        fingerprints.set(0, for: "a")
        fingerprints.set(TopicFingerprints.answers - 1, for: "b")
        #expect(fingerprints.answer(for: "a") == 0)
        #expect(fingerprints.answer(for: "b") == TopicFingerprints.answers - 1)
        #expect(fingerprints.answer(for: "c") == nil)
    }
}
