import SluiceCore
import TestSupport
import Testing

@testable import FanOut

@Suite("TopicSweep")
struct TopicSweepTests {
    private let topic = Topic(alreadyChecked: "a")

    /// An index with so many live subscriptions of the topic, by connections 0 and up.
    private func index(_ count: Int) throws -> (index: TopicIndex, feed: Int) {
        var index = TopicIndex()
        for connection in 0..<count {
            let ticket = index.subscribe(connection, to: topic, .first)
            #expect(index.release(ticket, of: connection, after: .none) == nil)
        }
        return (index, try #require(index.ticket(of: 0, for: topic, .only)).feed)
    }

    private func sweep(of feed: Int, _ index: TopicIndex) throws -> TopicSweep {
        TopicSweep(feed: feed, shape: try #require(index.shape(of: feed)), formats: TestFormat.all, nowNanoseconds: 0)
    }

    private func record(_ sequence: UInt64, bytes: Int = 1) -> ChangeRecord {
        ChangeRecord(
            RecordDraft(topic: topic, payload: Array(repeating: 0x31, count: bytes), contentType: .json),
            sequence: SequenceNumber(sequence),
            previous: SequenceNumber(sequence - 1),
            acceptedAtWallNanoseconds: 1
        )
    }

    /// Visits so many subscriptions and returns what was done meanwhile.
    private func visit(_ count: Int, _ sweep: inout TopicSweep, _ index: inout TopicIndex) -> [UInt32] {
        var done: [UInt32] = []
        for _ in 0..<count {
            sweep.follow(index.follow(sweep.feed, number: sweep.feedNumber))
            done += sweep.removeDone().map(\.sockets)
            guard !sweep.isIdle, let next = index.subscription(sweep.position, of: sweep.feed) else { break }
            if next.startAfter < sweep.last {
                sweep.noteWritten(from: sweep.firstRecord(after: next.startAfter))
                _ = index.visit(sweep.position, of: sweep.feed, upTo: sweep.last)
            }
            sweep.advance()
        }
        sweep.follow(index.follow(sweep.feed, number: sweep.feedNumber))
        return done + sweep.removeDone().map(\.sockets)
    }

    @Test("a record is done when it has been everywhere, and not before")
    func round() throws {
        var (index, feed) = try index(5)
        var sweep = try sweep(of: feed, index)
        sweep.add(record(1), nil)
        #expect(sweep.run(of: 5) == 5)
        #expect(visit(4, &sweep, &index).isEmpty)
        #expect(visit(1, &sweep, &index) == [5])
        #expect(sweep.isIdle)
    }

    @Test("a record that joins goes round to where it joined")
    func joins() throws {
        var (index, feed) = try index(5)
        var sweep = try sweep(of: feed, index)
        sweep.add(record(1), nil)
        #expect(visit(3, &sweep, &index).isEmpty)
        sweep.add(record(2), nil)
        sweep.add(record(3), nil)
        #expect(visit(2, &sweep, &index) == [5])
        #expect(sweep.sequences == [SequenceNumber(2), SequenceNumber(3)])
        #expect(sweep.run(of: 5) == 3)
        #expect(visit(2, &sweep, &index).isEmpty)
        #expect(visit(1, &sweep, &index) == [5, 5])
        #expect(sweep.isIdle)
    }

    @Test("large payloads go round one after the other, and small ones behind them together")
    func large() throws {
        var (index, feed) = try index(2)
        var sweep = try sweep(of: feed, index)
        let limit = TopicSweep.maximumRoundBytes
        for (sequence, bytes) in [(1, 2 * limit), (2, limit), (3, 1), (4, limit - 1), (5, 1)] as [(UInt64, Int)] {
            sweep.add(record(sequence, bytes: bytes), nil)
        }
        #expect(sweep.sequences.map(\.rawValue) == [1])
        #expect(visit(2, &sweep, &index) == [2])
        #expect(sweep.sequences.map(\.rawValue) == [2])
        #expect(visit(2, &sweep, &index) == [2])
        #expect(sweep.sequences.map(\.rawValue) == [3, 4])
        #expect(visit(1, &sweep, &index).isEmpty)
        #expect(visit(1, &sweep, &index) == [2, 2])
        #expect(visit(2, &sweep, &index) == [2])
        #expect(sweep.isIdle)
    }

    @Test("a record's round comes to its end however many subscribe and leave meanwhile", arguments: [1, 2, 7])
    func churn(perVisit: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("TopicSweepTests.churn seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var (index, feed) = try index(100)
        var sweep = try sweep(of: feed, index)
        var done = 0
        for visits in 1...2_000 {
            let sequence = UInt64(visits)
            if visits <= 1_000 {
                _ = index.arrival(topic, SequenceNumber(sequence), previous: SequenceNumber(sequence - 1))
                sweep.add(record(sequence), nil)
            }
            done += visit(1, &sweep, &index).count
            for _ in 0..<perVisit {
                let connection = Int.random(in: 0..<100, using: &random)
                index.removeAll(of: connection)
                let ticket = index.subscribe(connection, to: topic, .first)
                #expect(index.release(ticket, of: connection, after: SequenceNumber(min(sequence, 1_000))) == nil)
            }
            #expect(sweep.sequences.count <= 400, "after \(visits) visits")
        }
        #expect(done == 1_000)
    }

    @Test("everything is done when the topic's last subscription is gone, also when its place is another's")
    func gone() throws {
        for isTaken in [false, true] {
            var (index, feed) = try index(3)
            var sweep = TopicSweep(
                feed: feed,
                shape: try #require(index.shape(of: feed)),
                formats: TestFormat.all,
                nowNanoseconds: 0
            )
            sweep.add(record(1), nil)
            #expect(visit(1, &sweep, &index).isEmpty)
            sweep.add(record(2), nil)
            sweep.add(record(3, bytes: TopicSweep.maximumRoundBytes), nil)
            for connection in 0..<3 { index.removeAll(of: connection) }
            if isTaken {
                let ticket = index.subscribe(7, to: Topic(alreadyChecked: "b"), .first)
                #expect(ticket.feed == feed)
                #expect(index.release(ticket, of: 7, after: .none) == nil)
            }
            #expect(visit(1, &sweep, &index) == [1, 0, 0])
            #expect(sweep.isIdle)
            #expect(index.subscription(0, of: feed)?.startAfter == (isTaken ? SequenceNumber.none : nil))
        }
    }

    @Test("rests a quarter of a round when others follow it, within bounds, once a round")
    func rest() throws {
        for (milliseconds, rest) in [(8.0, 2_000_000), (100, 5_000_000), (0.9, 0)] as [(Double, UInt64)] {
            var (index, feed) = try index(4)
            var sweep = TopicSweep(
                feed: feed,
                shape: try #require(index.shape(of: feed)),
                formats: TestFormat.all,
                nowNanoseconds: 1_000
            )
            let end = 1_000 + UInt64(milliseconds * 1_000_000)
            sweep.add(record(1), nil)
            _ = visit(2, &sweep, &index)
            #expect(sweep.rest(nowNanoseconds: end) == 0)
            sweep.add(record(2), nil)
            _ = visit(2, &sweep, &index)
            #expect(sweep.rest(nowNanoseconds: end) == rest)
            #expect(sweep.rest(nowNanoseconds: end) == 0)
            // The next round is measured from the rest's end.
            _ = visit(1, &sweep, &index)
            sweep.add(record(3), nil)
            _ = visit(3, &sweep, &index)
            #expect(sweep.rest(nowNanoseconds: end + rest + 4_000_000) == 1_000_000)
        }
    }

    @Test("doesn't rest with nothing left to do")
    func noRest() throws {
        var (index, feed) = try index(4)
        var sweep = try sweep(of: feed, index)
        sweep.add(record(1), nil)
        #expect(visit(4, &sweep, &index) == [4])
        #expect(sweep.rest(nowNanoseconds: 50_000_000) == 0)
        // Another begins in the same place: the first round is its own.
        sweep.begin(feed: feed, shape: try #require(index.shape(of: feed)), nowNanoseconds: 60_000_000)
        sweep.add(record(2), nil)
        #expect(sweep.rest(nowNanoseconds: 70_000_000) == 0)
        #expect(visit(4, &sweep, &index) == [4])
    }
}

extension TopicIndex {
    /// A feed's subscription, without a visit.
    func subscription(_ position: Int, of feed: Int) -> Subscription? {
        var copy = self
        return copy.visit(position, of: feed, upTo: .none)?.subscription
    }
}
