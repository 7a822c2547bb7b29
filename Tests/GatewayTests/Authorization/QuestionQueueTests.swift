import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("The queue for the back end")
struct QuestionQueueTests {
    private typealias Queue = QuestionQueue<Int>
    private let flood = QuestionAsker.network(PeerNetwork(address: "203.0.113.7"))
    private let good = QuestionAsker.network(PeerNetwork(address: "198.51.100.2"))

    private func queue(running: Int = 32, waiting: Int = 16_384, bytes: Int = 1 << 24) -> Queue {
        Queue(maximumRunning: running, maximumWaiting: waiting, maximumBytes: bytes)
    }

    @Test("twenty questions of one address have their turns soon while two thousand of another wait")
    func flooded() {
        var queue = queue()
        var turns: [Int] = []
        for number in 0..<2_000 {
            turns += queue.add(number, of: flood, bytes: 100, deadlineNanoseconds: 9).map(\.item)
        }
        // A flood of one address leaves a quarter of the connections to others.
        #expect(turns.count == 24)
        var after: [Int] = []
        for number in 10_000..<10_020 {
            after += queue.add(number, of: good, bytes: 100, deadlineNanoseconds: 9).map(\.item)
        }
        #expect(after == Array(10_000..<10_008))
        var finished = 0
        while !Set(10_000..<10_020).isSubset(of: after), finished < 100 {
            after += queue.finish(flood).map(\.item)
            finished += 1
        }
        // By turns: two questions for each of the twelve that had to wait.
        #expect(finished <= 24)
    }

    @Test("an address that has nobody beside it uses all the room that waits")
    func alone() {
        var queue = queue(waiting: 1_000)
        var refused = 0
        for number in 0..<1_024 {
            refused += queue.add(number, of: flood, bytes: 1, deadlineNanoseconds: 9).count { !$0.isTurn }
        }
        #expect(refused == 0)
        #expect(queue.waitingCount == 1_000)
    }

    @Test("without room the address with most loses its oldest", arguments: [(10, 1 << 20), (1_000, 1_000)])
    func noRoom(waiting: Int, bytes: Int) {
        var queue = queue(running: 1, waiting: waiting, bytes: bytes)
        var refused: [Int] = []
        for number in 0..<30 {
            refused += queue.add(number, of: flood, bytes: 100, deadlineNanoseconds: 9).filter { !$0.isTurn }.map(
                \.item
            )
        }
        #expect(refused == Array(1..<20))
        for number in 100..<105 {
            refused += queue.add(number, of: good, bytes: 100, deadlineNanoseconds: 9).filter { !$0.isTurn }.map(\.item)
        }
        #expect(refused == Array(1..<25))
        #expect(queue.waitingCount == 10)
    }

    @Test("clients that were let in go first, and keep nobody out for good")
    func knownFirst() {
        var queue = queue(running: 1)
        let known = QuestionAsker.principal("alice")
        _ = queue.add(0, of: flood, bytes: 1, deadlineNanoseconds: 9)
        for number in 1...8 { _ = queue.add(number, of: flood, bytes: 1, deadlineNanoseconds: 9) }
        for number in 101...108 { _ = queue.add(number, of: known, bytes: 1, deadlineNanoseconds: 9) }
        var order: [Int] = []
        var asker = flood
        while let step = queue.finish(asker).first {
            order.append(step.item)
            asker = step.item > 100 ? known : flood
        }
        #expect(order.prefix(5) == [101, 102, 103, 1, 104])
        #expect(order.sorted() == Array(1...8) + Array(101...108))
    }

    @Test("what has waited for too long is refused")
    func late() {
        var queue = queue(running: 1)
        for number in 0..<5 { _ = queue.add(number, of: flood, bytes: 1, deadlineNanoseconds: UInt64(number)) }
        #expect(queue.refuseLate(at: 3).map(\.item) == [1, 2, 3])
        #expect(queue.refuseLate(at: 3).count == 0)
        #expect(queue.finish(flood).map(\.item) == [4])
    }

    @Test("whatever comes and goes, each item has one fate, in its asker's order, and no room is lost")
    func random() {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for running in [1, 2, 5] {
            var queue = queue(running: running, waiting: 20, bytes: 200)
            var askers: [Int: QuestionAsker] = [:]
            var lastTurn: [QuestionAsker: Int] = [:]
            var open: [QuestionAsker] = []
            var fates = 0
            var now: UInt64 = 0
            func take(_ steps: [Queue.Step]) {
                for step in steps {
                    guard let asker = askers.removeValue(forKey: step.item) else {
                        Issue.record("\(step.item) had two fates")
                        continue
                    }
                    fates += 1
                    #expect(step.item > lastTurn[asker, default: -1])
                    lastTurn[asker] = step.item
                    if step.isTurn { open.append(asker) }
                }
            }
            for number in 0..<5_000 {
                now += 1
                switch Int.random(in: 0..<9, using: &random) {
                case 0..<5:
                    let name = Int.random(in: 0..<6, using: &random)
                    let asker: QuestionAsker =
                        name < 3 ? .principal(ByteString("\(name)")) : .network(PeerNetwork(address: "10.0.0.\(name)"))
                    askers[number] = asker
                    let bytes = Int.random(in: 1...40, using: &random)
                    take(queue.add(number, of: asker, bytes: bytes, deadlineNanoseconds: now + 30))
                case 5: take(queue.refuseLate(at: now))
                default:
                    guard !open.isEmpty else { continue }
                    take(queue.finish(open.remove(at: Int.random(in: 0..<open.count, using: &random))))
                }
                #expect(open.count <= running)
                #expect(queue.waitingCount == askers.count)
                #expect(queue.waitingCount <= 20)
            }
            while !open.isEmpty { take(queue.finish(open.removeLast())) }
            #expect(askers.isEmpty)
            #expect(fates > 1_000)
        }
    }

    @Test("an IPv6 client counts by its /64, a mapped IPv4 address as IPv4, and what isn't an address together")
    func networks() {
        #expect(PeerNetwork(address: "2001:db8:1:2::1") == PeerNetwork(address: "2001:db8:1:2:ffff::9"))
        #expect(PeerNetwork(address: "2001:db8:1:2::1") != PeerNetwork(address: "2001:db8:1:3::1"))
        #expect(PeerNetwork(address: "::ffff:10.0.0.1") == PeerNetwork(address: "10.0.0.1"))
        #expect(PeerNetwork(address: "fe80::1%eth0") == PeerNetwork(address: "fe80::2"))
        #expect(PeerNetwork(address: "/run/socket") == PeerNetwork(.unknown))
        #expect(PeerNetwork(address: "10.0.0.1") != PeerNetwork(address: "10.0.0.2"))
    }
}

extension PeerNetwork {
    fileprivate init(address: String) { self.init(ClientAddress(address.utf8) ?? .unknown) }
}
