import ChangeQueue
import SluiceCore
import Testing

@testable import Publisher

@Suite struct WorkerPoolTests {
    private let a = GatewayID("a")
    private let b = GatewayID("b")

    private func pool(workers: Int = 1, singly: Bool = false) -> WorkerPool {
        let backoff = RetryBackoff(minimum: .milliseconds(100), maximum: .seconds(1))
        return WorkerPool(workers: workers, pushesSingly: singly, backoff: backoff)
    }

    private func batch(_ range: ClosedRange<UInt64>, to gateways: [GatewayID], receiveCount: Int = 1) -> Batch {
        Batch(
            entries: receivedRecords(range, receiveCount: receiveCount).map {
                Batch.Entry(received: $0, gateways: gateways)
            },
            receivedAtNanoseconds: 10,
            resolvedAtNanoseconds: 20
        )
    }

    /// What the actions are, in short: sends as (gateway, id, sequences), retired and retried sequences.
    private struct Seen: Equatable {
        var sends: [String] = []
        var retired: [UInt64] = []
        var retried: [UInt64] = []
        var delays: [Duration] = []
    }

    private func seen(_ actions: [WorkerPool.Action]) -> Seen {
        var seen = Seen()
        for action in actions {
            switch action {
            case .send(let gateway, let id, let entries, _, _):
                seen.sends.append(
                    "\(gateway)#\(id):\(entries.map(\.record.sequence.description).joined(separator: ","))"
                )
            case .retire(let handles): seen.retired += handles.map(\.sequence.rawValue)
            case .retry(let handles, let delay):
                seen.retried += handles.map(\.sequence.rawValue)
                seen.delays.append(delay)
            }
        }
        return seen
    }

    @Test("a batch goes to its gateway as one delivery and is retired by the receipt")
    func oneGateway() {
        var pool = pool()
        #expect(seen(pool.start(batch(1...3, to: [a]))) == Seen(sends: ["a#1:1,2,3"]))
        #expect(!pool.hasIdleWorker)
        #expect(seen(pool.answer(deliveryID: 1, taken: true)) == Seen(retired: [1, 2, 3]))
        #expect(pool.isIdle)
    }

    @Test("a record without subscribers is retired at once and holds no worker")
    func noSubscribers() {
        var pool = pool()
        #expect(seen(pool.start(batch(1...2, to: []))) == Seen(retired: [1, 2]))
        #expect(pool.hasIdleWorker)
    }

    @Test("a record is retired only when every gateway has answered")
    func twoGateways() {
        var pool = pool()
        #expect(seen(pool.start(batch(1...1, to: [a, b]))).sends == ["a#1:1", "b#2:1"])
        #expect(seen(pool.answer(deliveryID: 2, taken: true)) == Seen())
        #expect(seen(pool.answer(deliveryID: 1, taken: true)) == Seen(retired: [1]))
    }

    @Test("where one gateway couldn't take it the record is retried, and only that gateway still misses it")
    func partial() {
        var pool = pool()
        _ = pool.start(batch(1...1, to: [a, b]))
        #expect(seen(pool.answer(deliveryID: 1, taken: true)) == Seen())
        #expect(seen(pool.answer(deliveryID: 2, taken: false)) == Seen(retried: [1], delays: [.milliseconds(100)]))
        #expect(pool.hasAnswered(a, for: SequenceNumber(1)))
        #expect(!pool.hasAnswered(b, for: SequenceNumber(1)))
        _ = pool.start(batch(1...1, to: [b], receiveCount: 2))
        #expect(seen(pool.answer(deliveryID: 3, taken: true)) == Seen(retired: [1]))
        #expect(!pool.hasAnswered(a, for: SequenceNumber(1)))
    }

    @Test("the wait before a retry doubles up to its maximum")
    func backoff() {
        var pool = pool()
        var delays: [Duration] = []
        for attempt in 1...6 {
            _ = pool.start(batch(1...1, to: [a], receiveCount: attempt))
            delays += seen(pool.answer(deliveryID: UInt64(attempt), taken: false)).delays
        }
        let expected: [Duration] = [
            .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1), .seconds(1),
        ]
        #expect(delays == expected)
    }

    @Test("sns pushes each record alone and retires it alone")
    func singly() {
        var pool = pool(singly: true)
        #expect(seen(pool.start(batch(1...2, to: [a]))).sends == ["a#1:1", "a#2:2"])
        #expect(seen(pool.answer(deliveryID: 2, taken: true)) == Seen(retired: [2]))
        #expect(seen(pool.answer(deliveryID: 1, taken: false)).retried == [1])
        #expect(pool.isIdle)
    }

    @Test("an unknown or repeated answer changes nothing")
    func stale() {
        var pool = pool()
        _ = pool.start(batch(1...1, to: [a]))
        #expect(seen(pool.answer(deliveryID: 77, taken: true)) == Seen())
        _ = pool.answer(deliveryID: 1, taken: true)
        #expect(seen(pool.answer(deliveryID: 1, taken: true)) == Seen())
    }

    @Test("a batch that finds no idle worker goes back to the queue")
    func busy() {
        var pool = pool()
        _ = pool.start(batch(1...1, to: [a]))
        #expect(seen(pool.start(batch(2...2, to: [a]))) == Seen(retried: [2], delays: [.zero]))
    }

    @Test("a drain whose time is over gives back what has no receipt")
    func giveUp() {
        var pool = pool(workers: 2)
        _ = pool.start(batch(1...2, to: [a]))
        _ = pool.start(batch(3...3, to: [a, b]))
        _ = pool.answer(deliveryID: 2, taken: true)
        #expect(seen(pool.giveUp()).retried.sorted() == [1, 2, 3])
        #expect(pool.isIdle)
    }

    @Test("under random answers every record is retired or retried exactly once and every worker becomes idle")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for singly in [false, true] {
            var pool = pool(workers: 3, singly: singly)
            var waiting: [UInt64] = []
            var settled: [UInt64: Int] = [:]
            var next: UInt64 = 1
            func settle(_ actions: [WorkerPool.Action]) {
                for action in actions {
                    switch action {
                    case .send(_, let id, _, _, _): waiting.append(id)
                    case .retire(let handles), .retry(let handles, _):
                        for handle in handles { settled[handle.sequence.rawValue, default: 0] += 1 }
                    }
                }
            }
            for _ in 0..<2_000 {
                if pool.hasIdleWorker, next < 1_500 {
                    let count = UInt64.random(in: 1...5, using: &generator)
                    let gateways = [[], [a], [b], [a, b]]
                    let entries = receivedRecords(next...(next + count - 1)).map {
                        Batch.Entry(received: $0, gateways: gateways[Int.random(in: 0..<4, using: &generator)])
                    }
                    settle(pool.start(Batch(entries: entries, receivedAtNanoseconds: 0, resolvedAtNanoseconds: 0)))
                    next += count
                } else if !waiting.isEmpty {
                    let id = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &generator))
                    settle(pool.answer(deliveryID: id, taken: Bool.random(using: &generator)))
                }
            }
            settle(pool.giveUp())
            #expect(pool.isIdle, "seed \(seed)")
            #expect(settled.count == Int(next - 1) && settled.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }
}

/// A repeatable source of randomness (SplitMix64), so that a failing seed can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
