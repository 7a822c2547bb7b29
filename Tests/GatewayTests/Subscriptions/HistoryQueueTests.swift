import FanOut
import TestSupport
import Testing

@testable import Gateway

@Suite struct HistoryQueueTests {
    private final class Peer {}
    private let peers = (0..<6).map { _ in Peer() }

    private func asker(_ peer: Int, _ principal: String?) -> HistoryAsker {
        HistoryAsker(Grant(principal: principal), peers[peer])
    }

    @Test("a connection's work keeps its order and is done one piece at a time")
    func oneAtATime() {
        var queue = HistoryQueue<Int>()
        let one = asker(0, "a")
        for number in 0..<3 { queue.add(number, for: one) }
        for number in 0..<3 {
            #expect(queue.next()?.work == number)
            #expect(queue.next() == nil)
            queue.finished(one)
        }
        #expect(queue.next() == nil && queue.waitingCount == 0)
    }

    @Test("whoever asks for thousands of walks waits for them himself")
    func fairByConnection() throws {
        var queue = HistoryQueue<String>()
        let (greedy, other) = (asker(0, nil), asker(1, nil))
        for _ in 0..<3_000 { queue.add("greedy", for: greedy) }
        let begun = queue.next()
        let first = try #require(begun)
        queue.add("other", for: other)
        queue.finished(first.asker)
        var before = 0
        while let next = queue.next(), next.work == "greedy" {
            before += 1
            queue.finished(next.asker)
        }
        #expect(before <= 1)
    }

    @Test("a principal with many connections gets no more than one with a single one")
    func fairByPrincipal() throws {
        var queue = HistoryQueue<String>()
        for peer in 0..<5 { for _ in 0..<100 { queue.add("many", for: asker(peer, "many")) } }
        for _ in 0..<20 { queue.add("single", for: asker(5, "single")) }
        var served: [String] = []
        for _ in 0..<40 {
            let begun = queue.next()
            let next = try #require(begun)
            served.append(next.work)
            queue.finished(next.asker)
        }
        #expect(served.count { $0 == "single" } == 20)
    }

    @Test("what a connection that is gone has waiting isn't done, and others lose nothing")
    func leaves() {
        var queue = HistoryQueue<Int>()
        let (gone, stays) = (asker(0, "a"), asker(1, "a"))
        for number in 0..<10 { queue.add(number, for: gone) }
        queue.add(100, for: stays)
        #expect(queue.next()?.work == 0)
        #expect(queue.leave(gone) == Array(1..<10))
        #expect(queue.waitingCount == 1)
        queue.finished(gone)
        #expect(queue.next()?.work == 100 && queue.next() == nil)
        #expect(queue.leave(gone).isEmpty)
    }

    @Test("whatever comes, everything that is added comes out once, and no connection has two pieces under way")
    func model() {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<200 {
            var queue = HistoryQueue<Int>()
            var added = 0
            var out: [Int] = []
            var running: [HistoryAsker] = []
            for _ in 0..<200 {
                let peer = Int.random(in: 0..<6, using: &generator)
                let one = asker(peer, ["a", "b", nil][peer % 3])
                switch UInt8.random(in: 0...5, using: &generator) {
                case 0, 1:
                    queue.add(added, for: one)
                    added += 1
                case 2, 3:
                    guard let next = queue.next() else { continue }
                    #expect(!running.contains(next.asker))
                    running.append(next.asker)
                    out.append(next.work)
                case 4:
                    guard let position = running.indices.randomElement(using: &generator) else { continue }
                    queue.finished(running.remove(at: position))
                default: out += queue.leave(one)
                }
                #expect(queue.waitingCount == added - out.count)
            }
            for one in running { queue.finished(one) }
            while let next = queue.next() {
                out.append(next.work)
                queue.finished(next.asker)
            }
            #expect(out.sorted() == Array(0..<added))
        }
    }
}
