import StageLatency
import TestSupport
import Testing

@testable import sluice

@Suite("BenchLoad")
struct BenchLoadTests {
    @Test("what is acknowledged and with all receivers is through, and its latency counts from when it was due")
    func good() throws {
        var bench = try BenchFixture()
        let message = try bench.one(at: 5)
        #expect(message == BenchMessage(number: 0, topic: 0, dueNanoseconds: bench.at(0)))
        let event = bench.commit(message)
        bench.load.delivered(event, to: 0, now: bench.at(7))
        bench.load.acknowledged(0, now: bench.at(8))
        #expect(!bench.load.isSettled)
        bench.load.delivered(event, to: 1, now: bench.at(9))
        #expect(bench.load.isSettled)
        bench.load.finish()
        let counts = bench.load.counts
        #expect(counts.sent == 1 && counts.acknowledged == 1 && counts.expected == 2 && counts.received == 2)
        #expect(counts.faults == [])
        let latencies = bench.load.latencies
        #expect(latencies.acknowledgement.maximumNanoseconds / BenchFixture.millisecond == 8)
        #expect(latencies.delivery.count == 2)
        #expect(latencies.lastReceiver.count == 1)
        #expect(latencies.lastReceiver.maximumNanoseconds / BenchFixture.millisecond == 9)
    }

    @Test("what a receiver doesn't get is lost when the run ends")
    func lost() throws {
        var bench = try BenchFixture()
        let event = bench.commit(try bench.one(at: 0))
        bench.load.acknowledged(0, now: bench.at(1))
        bench.load.delivered(event, to: 0, now: bench.at(2))
        bench.load.finish()
        #expect(bench.load.counts.expected == 2)
        #expect(bench.load.counts.lost == 1)
        #expect(bench.load.counts.faults == ["lost: 1"])
        #expect(bench.load.latencies.lastReceiver.count == 0)
    }

    @Test("a message that comes twice is a repetition, also when it is through")
    func repeated() throws {
        var bench = try BenchFixture()
        let event = bench.commit(try bench.one(at: 0))
        bench.load.acknowledged(0, now: bench.at(1))
        bench.load.delivered(event, to: 0, now: bench.at(2))
        bench.load.delivered(event, to: 0, now: bench.at(3))
        bench.load.delivered(event, to: 1, now: bench.at(4))
        bench.load.delivered(event, to: 1, now: bench.at(5))
        #expect(bench.load.counts.repeated == 2)
        #expect(bench.load.counts.received == 2)
        #expect(bench.load.counts.outOfOrder == 0)
    }

    @Test("events that come in another order than that of the log are a hole and out of order, and not lost")
    func reordered() throws {
        var bench = try BenchFixture(connections: 1)
        let first = bench.commit(try bench.one(at: 0))
        let second = bench.commit(try bench.one(at: 100))
        bench.load.acknowledged(0, now: bench.at(101))
        bench.load.acknowledged(1, now: bench.at(101))
        bench.load.delivered(second, to: 0, now: bench.at(102))
        bench.load.delivered(first, to: 0, now: bench.at(103))
        bench.load.finish()
        #expect(bench.load.counts.holes == 1)
        #expect(bench.load.counts.outOfOrder == 1)
        #expect(bench.load.counts.lost == 0)
    }

    @Test("a message is out of order when it was acknowledged before one that came first was sent, whatever its number")
    func overtaken() throws {
        var bench = try BenchFixture(connections: 1)
        let first = try bench.one(at: 0)
        bench.load.acknowledged(0, now: bench.at(1))
        let second = try bench.one(at: 100)
        // A gateway that numbers them the wrong way round.
        let early = bench.commit(second)
        let late = bench.commit(first)
        bench.load.delivered(early, to: 0, now: bench.at(102))
        bench.load.delivered(late, to: 0, now: bench.at(103))
        #expect(bench.load.counts.outOfOrder == 1)
    }

    @Test("messages under way at the same time may be committed in either order")
    func concurrent() throws {
        var bench = try BenchFixture(connections: 1)
        let first = try bench.one(at: 0)
        let second = try bench.one(at: 100)
        for message in [second, first] {
            bench.load.delivered(bench.commit(message), to: 0, now: bench.at(101))
            bench.load.acknowledged(message.number, now: bench.at(102))
        }
        bench.load.finish()
        #expect(bench.load.counts.faults == [])
    }

    @Test("a refused publish isn't expected to arrive, and is unknown when it does")
    func refused() throws {
        var bench = try BenchFixture()
        let event = bench.commit(try bench.one(at: 0))
        bench.load.delivered(event, to: 0, now: bench.at(1))
        bench.load.refused(0, status: 503, text: "503 QueueFull: full")
        bench.load.delivered(event, to: 1, now: bench.at(2))
        bench.load.finish()
        let counts = bench.load.counts
        #expect(counts.refused == [503: 1] && counts.firstRefusal == "503 QueueFull: full")
        #expect(counts.expected == 0 && counts.received == 0 && counts.lost == 0 && counts.unknown == 2)
        #expect(counts.faults == ["publishes refused with 503: 1"])
    }

    @Test("a publish without an answer is owed to all as soon as one receiver has it")
    func unanswered() throws {
        var bench = try BenchFixture()
        _ = try bench.one(at: 0)
        bench.load.unanswered(0)
        let second = bench.commit(try bench.one(at: 100))
        bench.load.unanswered(1)
        bench.load.delivered(second, to: 1, now: bench.at(101))
        bench.load.finish()
        #expect(bench.load.counts.unanswered == 2)
        #expect(bench.load.counts.expected == 2)
        #expect(bench.load.counts.lost == 1)
    }

    @Test("a receiver that ends loses what is under way and is owed nothing more")
    func disconnected() throws {
        var bench = try BenchFixture()
        let first = bench.commit(try bench.one(at: 0))
        bench.load.acknowledged(0, now: bench.at(1))
        bench.load.delivered(first, to: 0, now: bench.at(2))
        bench.load.disconnected(1, closeCode: 4008)
        bench.load.disconnected(1, closeCode: 1006)
        #expect(bench.load.isSettled)
        let second = bench.commit(try bench.one(at: 100))
        bench.load.acknowledged(1, now: bench.at(101))
        bench.load.delivered(second, to: 0, now: bench.at(102))
        #expect(bench.load.isSettled)
        bench.load.finish()
        let counts = bench.load.counts
        #expect(counts.expected == 3 && counts.received == 2 && counts.lost == 1)
        #expect(counts.disconnected == [4008: 1])
    }

    @Test("events of others are unknown, and the chain goes on behind them")
    func unknown() throws {
        var bench = try BenchFixture(connections: 1)
        bench.load.delivered(BenchEvent(sequence: 1, previous: 0, marker: nil), to: 0, now: bench.at(0))
        let message = try bench.one(at: 0)
        let marker = BenchMarker(run: bench.plan.run, number: 0, dueNanoseconds: message.dueNanoseconds)
        bench.load.delivered(BenchEvent(sequence: 2, previous: 1, marker: marker), to: 0, now: bench.at(1))
        #expect(bench.load.counts.unknown == 1)
        #expect(bench.load.counts.received == 1)
        #expect(bench.load.counts.holes == 0)
    }

    @Test("a message on another topic than its receiver's is unknown")
    func wrongTopic() throws {
        var bench = try BenchFixture(connections: 2, topics: 2)
        let event = bench.commit(try bench.one(at: 0))
        bench.load.delivered(event, to: 1, now: bench.at(1))
        #expect(bench.load.counts.unknown == 1)
        #expect(bench.load.counts.received == 0)
    }

    @Test("a place in flight is free when its message is through, refused or too slow")
    func places() throws {
        var bench = try BenchFixture(connections: 1, pacing: .inFlight(2), seconds: 60)
        let messages = bench.load.due(now: bench.at(0))
        #expect(messages.count == 2)
        #expect(bench.load.due(now: bench.at(1)) == [])
        bench.load.acknowledged(0, now: bench.at(2))
        #expect(bench.load.due(now: bench.at(2)) == [])
        bench.load.delivered(bench.commit(messages[0]), to: 0, now: bench.at(3))
        #expect(bench.load.due(now: bench.at(3)).map(\.number) == [2])
        bench.load.refused(2, status: 500, text: "500")
        #expect(bench.load.due(now: bench.at(4)).map(\.number) == [3])
        bench.load.giveUpPlaces(now: bench.at(5_002))
        #expect(bench.load.due(now: bench.at(5_002)).map(\.number) == [4])
        // It comes late, and has no second place to give.
        bench.load.acknowledged(1, now: bench.at(5_002))
        bench.load.delivered(bench.commit(messages[1]), to: 0, now: bench.at(5_002))
        #expect(bench.load.due(now: bench.at(5_003)) == [])
        #expect(bench.load.counts.late == 1)
    }

    @Test("the warm-up is counted and its latency isn't")
    func warmUp() throws {
        var bench = try BenchFixture(connections: 1, warmUpSeconds: 0.1)
        for (number, time) in [(0, UInt64(0)), (1, 100)] {
            let event = bench.commit(try bench.one(at: time))
            bench.load.acknowledged(number, now: bench.at(time + 1))
            bench.load.delivered(event, to: 0, now: bench.at(time + 2))
        }
        #expect(bench.load.counts.received == 2)
        #expect(bench.load.latencies.delivery.count == 1)
        #expect(bench.load.latencies.acknowledgement.count == 1)
    }

    @Test("no more is sent than may be under way")
    func bounded() throws {
        var bench = try BenchFixture(connections: 1, pacing: .rate(100_000), seconds: 2)
        let limit = bench.load.maximumOutstanding
        let messages = bench.load.due(now: bench.at(5_000))
        #expect(messages.count == limit)
        #expect(bench.load.counts.unsent == 200_000 - limit)
    }

    @Test("every message is counted once, whatever happens to it")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var bench = try BenchFixture(connections: 7, topics: 3, pacing: .rate(1_000), seconds: 0.5)
        for step in UInt64(0)..<600 {
            for message in bench.load.due(now: bench.at(step)) {
                let event = bench.commit(message)
                switch Int.random(in: 0..<10, using: &generator) {
                case 0: bench.load.refused(message.number, status: 503, text: "")
                case 1: bench.load.unanswered(message.number)
                default: bench.load.acknowledged(message.number, now: bench.at(step))
                }
                for receiver in 0..<7 where bench.plan.topic(ofReceiver: receiver) == message.topic {
                    for _ in 0..<Int.random(in: 0..<3, using: &generator) {
                        bench.load.delivered(event, to: receiver, now: bench.at(step))
                    }
                }
                if Int.random(in: 0..<100, using: &generator) == 0 {
                    bench.load.disconnected(Int.random(in: 0..<7, using: &generator), closeCode: 1006)
                }
            }
        }
        bench.load.finish()
        let counts = bench.load.counts
        let answered = counts.acknowledged + counts.refused.values.reduce(0, +) + counts.unanswered
        #expect(counts.sent == 500 && answered == counts.sent, "seed \(seed)")
        #expect(counts.expected == counts.received + counts.lost, "seed \(seed)")
        #expect(bench.load.isSettled, "seed \(seed)")
    }
}
