import ChangeQueue
import SluiceCore
import TestSupport
import Testing

@testable import Publisher

@Suite struct BatchesInFlightTests {
    private let a = GatewayID("a")
    private let b = GatewayID("b")

    private func batches(
        workers: Int = 1,
        singly: Bool = false,
        asideRecords: Int = 1_000,
        limits: AttemptLimits = .none
    ) -> BatchesInFlight {
        BatchesInFlight(
            workers: workers,
            pushesSingly: singly,
            retryMinimum: .milliseconds(100),
            retryMaximum: .seconds(1),
            limits: limits,
            maximumAsideRecords: asideRecords
        )
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
        var givenUp: [String] = []
    }

    private func seen(_ actions: [BatchesInFlight.Action]) -> Seen {
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
            case .giveUp(let records):
                seen.givenUp += records.map { "\($0.record.record.sequence) \($0.reason)" }
            }
        }
        return seen
    }

    @Test("a batch goes to its gateway as one delivery and is retired by the receipt")
    func oneGateway() {
        var batches = batches()
        #expect(seen(batches.start(batch(1...3, to: [a]), nowNanoseconds: 0)) == Seen(sends: ["a#1:1,2,3"]))
        #expect(!batches.hasIdleWorker)
        #expect(seen(batches.answer(deliveryID: 1, taken: true)) == Seen(retired: [1, 2, 3]))
        #expect(batches.isIdle)
    }

    @Test("a record without subscribers is retired at once and holds no worker")
    func noSubscribers() {
        var batches = batches()
        #expect(seen(batches.start(batch(1...2, to: []), nowNanoseconds: 0)) == Seen(retired: [1, 2]))
        #expect(batches.hasIdleWorker)
    }

    @Test("a record is retired only when every gateway has answered")
    func twoGateways() {
        var batches = batches()
        #expect(seen(batches.start(batch(1...1, to: [a, b]), nowNanoseconds: 0)).sends == ["a#1:1", "b#2:1"])
        #expect(seen(batches.answer(deliveryID: 2, taken: true)) == Seen())
        #expect(seen(batches.answer(deliveryID: 1, taken: true)) == Seen(retired: [1]))
    }

    @Test("where one gateway couldn't take it the record is retried, and only that gateway still misses it")
    func partial() {
        var batches = batches()
        _ = batches.start(batch(1...1, to: [a, b]), nowNanoseconds: 0)
        #expect(seen(batches.answer(deliveryID: 1, taken: true)) == Seen())
        #expect(seen(batches.answer(deliveryID: 2, taken: false)) == Seen(retried: [1], delays: [.milliseconds(100)]))
        #expect(batches.hasAnswered(a, for: SequenceNumber(1)))
        #expect(!batches.hasAnswered(b, for: SequenceNumber(1)))
        _ = batches.start(batch(1...1, to: [b], receiveCount: 2), nowNanoseconds: 0)
        #expect(seen(batches.answer(deliveryID: 3, taken: true)) == Seen(retired: [1]))
        #expect(!batches.hasAnswered(a, for: SequenceNumber(1)))
    }

    @Test("the wait before a retry doubles up to its maximum")
    func backoff() {
        var batches = batches()
        var delays: [Duration] = []
        for attempt in 1...6 {
            _ = batches.start(batch(1...1, to: [a], receiveCount: attempt), nowNanoseconds: 0)
            delays += seen(batches.answer(deliveryID: UInt64(attempt), taken: false)).delays
        }
        let expected: [Duration] = [
            .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1), .seconds(1),
        ]
        #expect(delays == expected)
    }

    @Test("sns pushes each record alone and retires it alone")
    func singly() {
        var batches = batches(singly: true)
        #expect(seen(batches.start(batch(1...2, to: [a]), nowNanoseconds: 0)).sends == ["a#1:1", "a#2:2"])
        #expect(seen(batches.answer(deliveryID: 2, taken: true)) == Seen(retired: [2]))
        #expect(seen(batches.answer(deliveryID: 1, taken: false)).retried == [1])
        #expect(batches.isIdle)
    }

    @Test("an unknown or repeated answer changes nothing")
    func stale() {
        var batches = batches()
        _ = batches.start(batch(1...1, to: [a]), nowNanoseconds: 0)
        #expect(seen(batches.answer(deliveryID: 77, taken: true)) == Seen())
        _ = batches.answer(deliveryID: 1, taken: true)
        #expect(seen(batches.answer(deliveryID: 1, taken: true)) == Seen())
    }

    @Test("a batch that finds no idle worker goes back to the queue")
    func busy() {
        var batches = batches()
        _ = batches.start(batch(1...1, to: [a]), nowNanoseconds: 0)
        #expect(seen(batches.start(batch(2...2, to: [a]), nowNanoseconds: 0)) == Seen(retried: [2], delays: [.zero]))
    }

    @Test("a drain whose time is over gives back what has no receipt")
    func giveUp() {
        var batches = batches(workers: 2)
        _ = batches.start(batch(1...2, to: [a]), nowNanoseconds: 0)
        _ = batches.start(batch(3...3, to: [a, b]), nowNanoseconds: 0)
        _ = batches.answer(deliveryID: 2, taken: true)
        #expect(seen(batches.giveUp()).retried.sorted() == [1, 2, 3])
        #expect(batches.isIdle)
    }

    @Test("a gateway without a link holds up nobody: what it misses waits for the link and keeps no worker")
    func parked() {
        var batches = batches()
        _ = batches.start(batch(1...2, to: [a, b]), nowNanoseconds: 0)
        #expect(seen(batches.park(deliveryID: 2)) == Seen())
        #expect(!batches.hasIdleWorker)
        #expect(seen(batches.answer(deliveryID: 1, taken: true)) == Seen())
        #expect(batches.hasIdleWorker && !batches.isIdle)
        _ = batches.start(batch(3...3, to: [b]), nowNanoseconds: 0)
        #expect(seen(batches.park(deliveryID: 3)) == Seen())
        #expect(seen(batches.linkOpened(to: a)) == Seen())
        #expect(seen(batches.linkOpened(to: b)).sends == ["b#4:1,2", "b#5:3"])
        #expect(seen(batches.answer(deliveryID: 4, taken: true)) == Seen(retired: [1, 2]))
        #expect(seen(batches.answer(deliveryID: 5, taken: true)) == Seen(retired: [3]))
        #expect(batches.isIdle)
    }

    @Test("when a gateway has left, nobody waits for it")
    func left() {
        var batches = batches()
        _ = batches.start(batch(1...1, to: [a, b]), nowNanoseconds: 0)
        _ = batches.answer(deliveryID: 1, taken: true)
        _ = batches.park(deliveryID: 2)
        #expect(seen(batches.follow([a, b])) == Seen())
        #expect(seen(batches.follow([a])) == Seen(retired: [1]))
        #expect(batches.isIdle)
    }

    @Test("a gateway that doesn't answer delays the others once, not for each batch")
    func late() {
        var batches = batches()
        _ = batches.start(batch(1...1, to: [a, b]), nowNanoseconds: 0)
        _ = batches.answer(deliveryID: 1, taken: true)
        batches.passOver(nowNanoseconds: BatchesInFlight.patienceNanoseconds)
        #expect(!batches.hasIdleWorker)
        batches.passOver(nowNanoseconds: BatchesInFlight.patienceNanoseconds + 1)
        #expect(batches.hasIdleWorker)
        _ = batches.start(batch(2...2, to: [a, b]), nowNanoseconds: 0)
        #expect(!batches.hasIdleWorker)
        _ = batches.answer(deliveryID: 3, taken: true)
        #expect(batches.hasIdleWorker)
        #expect(seen(batches.answer(deliveryID: 2, taken: true)) == Seen(retired: [1]))
        #expect(seen(batches.answer(deliveryID: 4, taken: true)) == Seen(retired: [2]))
        _ = batches.start(batch(3...3, to: [b]), nowNanoseconds: 0)
        #expect(!batches.hasIdleWorker)
    }

    @Test("what is set aside is bounded: beyond, records go back to the queue")
    func bounded() {
        var batches = batches(asideRecords: 2)
        _ = batches.start(batch(1...2, to: [a]), nowNanoseconds: 0)
        _ = batches.park(deliveryID: 1)
        _ = batches.start(batch(3...3, to: [a]), nowNanoseconds: 0)
        #expect(seen(batches.park(deliveryID: 2)).retried == [3])
        #expect(seen(batches.giveBackParked()).retried == [1, 2])
        #expect(batches.isIdle)
    }

    @Test(
        "a record that is refused for the last time is given up; one that wasn't delivered for another reason is tried again"
    )
    func givenUp() {
        var batches = batches(limits: AttemptLimits(maximumAttempts: 3, maximumAgeNanoseconds: 0))
        _ = batches.start(batch(1...1, to: [a, b], receiveCount: 2), nowNanoseconds: 0)
        #expect(seen(batches.refuse(deliveryID: 1, reason: "overloaded", nowNanoseconds: 0)) == Seen())
        #expect(seen(batches.answer(deliveryID: 2, taken: true)).retried == [1])
        _ = batches.start(batch(1...1, to: [a], receiveCount: 3), nowNanoseconds: 0)
        #expect(seen(batches.answer(deliveryID: 3, taken: false)).retried == [1])
        _ = batches.start(batch(1...1, to: [a], receiveCount: 3), nowNanoseconds: 0)
        let last = seen(batches.refuse(deliveryID: 4, reason: "overloaded", nowNanoseconds: 0))
        #expect(last == Seen(givenUp: ["1 overloaded"]))
        #expect(batches.isIdle)
    }

    @Test("a record's age is a limit of its own")
    func age() {
        let limits = AttemptLimits(maximumAttempts: 0, maximumAgeNanoseconds: 100)
        #expect(!limits.areExhausted(receiveCount: 1_000, acceptedAtNanoseconds: 50, nowNanoseconds: 149))
        #expect(limits.areExhausted(receiveCount: 1, acceptedAtNanoseconds: 50, nowNanoseconds: 150))
        #expect(!limits.areExhausted(receiveCount: 1, acceptedAtNanoseconds: 50, nowNanoseconds: 10))
    }

    @Test(
        "a batch that was refused goes in halves until the record it was refused for is alone, and only that one is given up"
    )
    func halves() {
        var batches = batches(limits: AttemptLimits(maximumAttempts: 2, maximumAgeNanoseconds: 0))
        var (pending, sizes, givenUp, delivered): ([UInt64], [Int], [String], [UInt64]) = (Array(1...8), [], [], [])
        var receiveCount = 1
        while !pending.isEmpty {
            let entries = pending.map {
                Batch.Entry(received: receivedRecords($0...$0, receiveCount: receiveCount)[0], gateways: [a])
            }
            pending = []
            let batch = Batch(entries: entries, receivedAtNanoseconds: 0, resolvedAtNanoseconds: 0)
            for case .send(_, let id, let records, _, _) in batches.start(batch, nowNanoseconds: 0) {
                sizes.append(records.count)
                let isPoisoned = records.contains { $0.record.sequence.rawValue == 6 }
                let answer = seen(
                    isPoisoned
                        ? batches.refuse(deliveryID: id, reason: "corruptRecord", nowNanoseconds: 0)
                        : batches.answer(deliveryID: id, taken: true)
                )
                pending += answer.retried
                givenUp += answer.givenUp
                delivered += answer.retired
            }
            receiveCount += 1
        }
        #expect(sizes == [8, 4, 4, 2, 2, 1, 1] && givenUp == ["6 corruptRecord"])
        #expect(delivered.sorted() == [1, 2, 3, 4, 5, 7, 8])
    }

    @Test("under random answers every record is retired or retried exactly once and every worker becomes idle")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for singly in [false, true] {
            var batches = batches(workers: 3, singly: singly, asideRecords: 40)
            var waiting: [UInt64] = []
            var settled: [UInt64: Int] = [:]
            var next: UInt64 = 1
            var now: UInt64 = 0
            func settle(_ actions: [BatchesInFlight.Action]) {
                for action in actions {
                    switch action {
                    case .send(_, let id, _, _, _): waiting.append(id)
                    case .retire(let handles), .retry(let handles, _):
                        for handle in handles { settled[handle.sequence.rawValue, default: 0] += 1 }
                    case .giveUp(let records):
                        for one in records { settled[one.record.record.sequence.rawValue, default: 0] += 1 }
                    }
                }
            }
            for _ in 0..<2_000 {
                if batches.hasIdleWorker, next < 1_500 {
                    let count = UInt64.random(in: 1...5, using: &generator)
                    let gateways = [[], [a], [b], [a, b]]
                    let entries = receivedRecords(next...(next + count - 1)).map {
                        Batch.Entry(received: $0, gateways: gateways[Int.random(in: 0..<4, using: &generator)])
                    }
                    let batch = Batch(entries: entries, receivedAtNanoseconds: 0, resolvedAtNanoseconds: 0)
                    settle(batches.start(batch, nowNanoseconds: now))
                    next += count
                } else if !waiting.isEmpty {
                    let id = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &generator))
                    switch Int.random(in: 0..<8, using: &generator) {
                    case 0, 1: settle(batches.park(deliveryID: id))
                    case 2: settle(batches.answer(deliveryID: id, taken: false))
                    default: settle(batches.answer(deliveryID: id, taken: true))
                    }
                }
                switch Int.random(in: 0..<40, using: &generator) {
                case 0: settle(batches.linkOpened(to: a))
                case 1: settle(batches.follow([b]))
                case 2: batches.passOver(nowNanoseconds: now)
                default: now += 10_000_000
                }
            }
            settle(batches.giveUp())
            #expect(batches.isIdle, "seed \(seed)")
            #expect(settled.count == Int(next - 1) && settled.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }
}
