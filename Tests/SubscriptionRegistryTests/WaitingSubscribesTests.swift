import SluiceCore
import TestSupport
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite("WaitingSubscribes")
struct WaitingSubscribesTests {
    private func request(_ name: Int, topics: Int) -> SubscribeRequest {
        SubscribeRequest(
            connection: .random(),
            topics: (0..<topics).map { Topic(alreadyChecked: "\(name)/\($0)") },
            atNanoseconds: 0,
            then: { _ in }
        )
    }

    @Test(
        "a transaction is bounded, the oldest is always among it, and small requests don't wait behind many large ones"
    )
    func fair() {
        var waiting = WaitingSubscribes()
        for number in 0..<1_000 { waiting.append(request(number, topics: 100)) }
        waiting.append(request(5_000, topics: 1))
        let first = waiting.takeFirst(topics: 2_000)
        #expect(first.reduce(0) { $0 + $1.topics.count } <= 2_100)
        #expect(first.first?.topics.first?.name == "0/0")
        #expect(first.contains { $0.topics.count == 1 })
        #expect(waiting.count == 1_001 - first.count)
    }

    @Test("every request is taken once, whatever comes in between; one that is larger than a transaction comes alone")
    func complete() {
        var random = SeededGenerator(seed: SeededGenerator.printedSeed())
        var waiting = WaitingSubscribes()
        var taken: [String] = []
        for number in 0..<2_000 {
            waiting.append(request(number, topics: Int.random(in: 1...200, using: &random)))
            if Int.random(in: 0..<10, using: &random) == 0 {
                taken += waiting.takeFirst(topics: 500).compactMap(\.topics.first?.name)
            }
        }
        waiting.append(request(9_999, topics: 3_000))
        while !waiting.isEmpty { taken += waiting.takeFirst(topics: 500).compactMap(\.topics.first?.name) }
        #expect(taken.count == 2_001)
        #expect(Set(taken).count == 2_001)
        #expect(waiting.all.isEmpty)
    }
}
