import QueueEngine
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Stream operations")
struct StreamOperationsTests {
    @Test("all shards are read in one pass, and the checkpoints move to the last record before which all is retired")
    func checkpoints() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0, 0, 1])
        bench.balance(alice)
        let all = bench.receive(alice)
        #expect(all.sequences == [1, 2, 3, 4, 5])
        #expect(all.counts == [1, 1, 1, 1, 1])
        #expect(bench.checkpoints == [0, 1])
        bench.retire(alice, [all.handles[2], all.handles[3], all.handles[1]])
        #expect(bench.checkpoints == [0, 4])
        bench.retire(alice, [all.handles[0]])
        #expect(bench.checkpoints == [5, 4])
        bench.retire(alice, [all.handles[4]])
        #expect(bench.checkpoints == [5, 5])
        #expect(bench.shared.retiredThrough == 5)
        #expect(bench.receive(alice).isEmpty)
    }

    @Test("a receive goes on where the last one ended")
    func goesOn() {
        var bench = StreamBench(shards: 3, log: [0, 1, 2, 0, 1, 2])
        bench.balance(alice)
        #expect(bench.receive(alice, 2).sequences == [1, 2])
        #expect(bench.receive(alice, 2).sequences == [3, 4])
        #expect(bench.receive(alice).sequences == [5, 6])
        #expect(bench.receive(alice).isEmpty)
        bench.log.append(1)
        #expect(bench.receive(alice).sequences == [7])
    }

    @Test("a shard without records moves its checkpoint with the others")
    func emptyShards() {
        var bench = StreamBench(shards: 4, log: [2, 2, 2])
        bench.balance(alice)
        let all = bench.receive(alice)
        bench.retire(alice, all.handles)
        #expect(bench.checkpoints == [3, 3, 3, 3])
        #expect(bench.shared.uncertain == nil)
    }

    @Test("handles that were used, of unknown receives or of shards that don't exist do nothing")
    func ignoresStale() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0])
        bench.balance(alice)
        let all = bench.receive(alice)
        bench.retire(alice, [all.handles[0]])
        let before = bench.shared
        let foreign = [
            all.handles[0], ReceiptHandle(sequence: SequenceNumber(3), receive: 999 << 8),
            ReceiptHandle(sequence: SequenceNumber(3), receive: all.handles[1].receive),
            ReceiptHandle(sequence: SequenceNumber(3), receive: 77),
            ReceiptHandle(sequence: SequenceNumber(99), receive: all.handles[2].receive),
        ]
        bench.retire(alice, foreign)
        bench.retry(alice, foreign, resumesAt: 10)
        bench.retire(bob, [all.handles[2]])
        #expect(bench.shared == before)
    }

    @Test(
        "a failed record holds its shard until the rest is answered and its time is over; then all goes on from it"
    )
    func rewinds() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0, 0, 1])
        bench.balance(alice)
        let all = bench.receive(alice)
        bench.retry(alice, [all.handles[2]], resumesAt: 50)
        bench.log += [0, 1]
        #expect(bench.receive(alice, at: 50).sequences == [7], "record 4 isn't answered yet, the other shard goes on")
        bench.retire(alice, [all.handles[3], all.handles[0]])
        #expect(bench.receive(alice, at: 49).isEmpty)
        let again = bench.receive(alice, at: 50)
        #expect(again.sequences == [3, 4, 6])
        #expect(again.counts == [2, 2, 1])
        #expect(bench.checkpoints[0] == 2)
        bench.retire(alice, again.handles)
        #expect(bench.checkpoints[0] == 7)
        #expect(bench.shared.shards[0].rewoundThrough == 0)
    }

    @Test("a batch that fails as a whole is received again as a whole, and its receive count goes up")
    func rewindsBatch() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0, 1])
        bench.balance(alice)
        for attempt in 1...3 {
            let batch = bench.receive(alice, at: UInt64(attempt))
            #expect(batch.sequences == [1, 2, 3, 4])
            #expect(batch.counts == Array(repeating: attempt, count: 4))
            bench.retry(alice, batch.handles.reversed(), resumesAt: UInt64(attempt + 1))
        }
        bench.log.append(0)
        #expect(bench.receive(alice, at: 3).isEmpty)
        let last = bench.receive(alice, at: 4)
        #expect(last.counts == [4, 4, 4, 4, 1])
        bench.retire(alice, last.handles)
        #expect(bench.checkpoints == [5, 5])
    }

    @Test("a full window stops its shard only, and the shard goes on where it stopped")
    func limitsWindow() {
        var bench = StreamBench(shards: 2, log: [0, 0, 0, 1, 0, 1])
        bench.rules = ChangeQueueTests.rules(maximumInFlight: 4)
        bench.balance(alice)
        let first = bench.receive(alice)
        #expect(first.sequences == [1, 2, 4, 6])
        #expect(bench.receive(alice).isEmpty)
        bench.retire(alice, [first.handles[1]])
        #expect(bench.receive(alice).isEmpty, "record 1 holds the window")
        bench.retire(alice, [first.handles[0]])
        #expect(bench.receive(alice).sequences == [3, 5])
        #expect(bench.checkpoints == [2, 3])
    }

    @Test("publishers share the shards, and a shard changes hands only when nothing of it is in flight")
    func balances() {
        var bench = StreamBench(shards: 4, log: [0, 1, 2, 3])
        bench.balance(alice)
        let all = bench.receive(alice)
        bench.balance(bob)
        #expect(bench.receive(bob).isEmpty)
        bench.balance(alice)
        bench.log += [0, 1, 2, 3]
        #expect(bench.receive(alice).sequences == [5, 6], "shards 2 and 3 are leaving")
        bench.retire(alice, [all.handles[2]])
        #expect(bench.receive(bob).sequences == [7], "shard 2 is free and was read up to record 4")
        bench.retire(alice, [all.handles[3]])
        #expect(bench.receive(bob).sequences == [8])
        #expect(bench.shared.shards.map(\.owner) == [alice, alice, bob, bob])
    }

    @Test("an excess that is gone again keeps its shards")
    func staysWhenAlone() {
        var bench = StreamBench(shards: 2, log: [0, 1])
        bench.balance(alice)
        _ = bench.receive(alice)
        bench.balance(bob)
        bench.balance(alice)
        bench.balance(alice, dead: [bob])
        bench.log += [1]
        #expect(bench.receive(alice).sequences == [3])
        #expect(bench.shared.shards.map(\.owner) == [alice, alice])
    }

    @Test(
        "every number of publishers and shards settles with no shard free and no publisher above its share",
        arguments: 1...5
    )
    func settles(publishers: Int) {
        for shards in 1...9 {
            var bench = StreamBench(shards: shards)
            let owners = (1...publishers).map { OwnerID(high: UInt64($0), low: 0) }
            for _ in 0..<3 { for owner in owners { bench.balance(owner) } }
            let share = (shards + publishers - 1) / publishers
            #expect(bench.shared.shards.allSatisfy { $0.owner != .none })
            for owner in owners { #expect(bench.shared.shards(of: owner).count <= share) }
        }
    }

    @Test("a dead publisher's shards go on at their checkpoints at once, and what it held counts as received")
    func takesOver() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0])
        bench.balance(alice)
        let held = bench.receive(alice)
        bench.retire(alice, [held.handles[0]])
        bench.balance(bob, dead: [alice])
        let again = bench.receive(bob)
        #expect(again.sequences == [2, 3])
        #expect(again.counts == [2, 2])
        bench.retire(alice, held.handles)
        #expect(bench.checkpoints == [2, 1])
    }

    @Test("a silent publisher loses its shards after the visibility timeout, not before; its handles are then stale")
    func timesOut() {
        var bench = StreamBench(shards: 1, log: [0, 0])
        bench.balance(alice)
        let held = bench.receive(alice)
        bench.balance(bob, at: timeout - 1)
        #expect(bench.receive(bob, at: timeout - 1).isEmpty)
        bench.balance(bob, at: timeout)
        #expect(bench.receive(bob, at: timeout).sequences == [1, 2])
        bench.retire(alice, held.handles)
        #expect(bench.checkpoints == [0])
        #expect(bench.receive(alice, at: timeout).isEmpty)
    }

    @Test("a shard that was lost and came back has new handles only")
    func comesBack() {
        var bench = StreamBench(shards: 1, log: [0, 0])
        bench.balance(alice)
        let held = bench.receive(alice)
        bench.balance(bob, at: timeout)
        bench.balance(alice, dead: [bob], at: timeout)
        bench.retire(alice, held.handles)
        #expect(bench.checkpoints == [0])
        #expect(bench.receive(alice, at: timeout).sequences == [1, 2])
    }

    @Test("a publisher that leaves frees its shards at once")
    func departs() {
        var bench = StreamBench(shards: 2, log: [0, 1])
        bench.balance(alice)
        bench.balance(bob)
        let held = bench.receive(alice)
        #expect(held.sequences == [1, 2])
        bench.with(alice) { StreamDeparture().apply(to: &$0) }
        #expect(bench.shared.publishers.keys.sorted() == [bob])
        #expect(bench.receive(bob).sequences == [1, 2])
    }

    @Test("what retention has trimmed is passed over, and handles of it do nothing")
    func trims() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0, 1, 0])
        bench.balance(alice)
        let held = bench.receive(alice, 2)
        bench.first = 4
        #expect(bench.receive(alice).sequences == [4, 5])
        #expect(bench.checkpoints == [3, 3])
        bench.retire(alice, held.handles)
        #expect(bench.checkpoints == [4, 3])
    }

    @Test("on a log that is older than the state it goes on at the log's end")
    func cuts() {
        var bench = StreamBench(shards: 2, log: [0, 1, 0, 1])
        bench.balance(alice)
        bench.retire(alice, bench.receive(alice).handles)
        bench.shared.cut(after: 2)
        bench.log = [0, 1, 1]
        #expect(bench.receive(alice).sequences == [3])
    }

    @Test("a record's standing says retired, in flight, delayed or visible")
    func standing() throws {
        var bench = StreamBench(shards: 2, log: [0, 0, 0, 1])
        let topics = try (0..<40).map { try Topic("t\($0)") }
        let map = bench.shared.map
        let shards = topics.map { map.shard(ofHash: ShardKey.hash(of: $0), at: 1) }
        let index = try #require(shards.firstIndex(of: 0))
        let (topic, other) = (topics[index], topics[try #require(shards.firstIndex(of: 1))])
        bench.balance(alice)
        let held = bench.receive(alice, 2)
        bench.retire(alice, [held.handles[0]])
        func standing(_ sequence: UInt64, _ topic: Topic, at now: UInt64 = 0) -> RecordStanding? {
            bench.shared.standing(of: sequence, topic: topic, map, nowNanoseconds: now)
        }
        #expect(standing(1, topic) == nil)
        #expect(standing(2, topic) == RecordStanding(state: .inFlight, receiveCount: 1))
        #expect(standing(3, topic) == RecordStanding(state: .visible, receiveCount: 0))
        #expect(standing(2, other) == nil, "a shard without records in flight has passed it")
        #expect(standing(4, other) == RecordStanding(state: .visible, receiveCount: 0))
        #expect(standing(2, topic, at: timeout)?.state == .visible)
        bench.retry(alice, [held.handles[1]], resumesAt: 50)
        #expect(standing(2, topic, at: 49) == RecordStanding(state: .delayed, receiveCount: 1))
        #expect(standing(2, topic, at: 50) == RecordStanding(state: .visible, receiveCount: 1))
    }

    @Test("topics spread over the shards, however many, and a topic's hash never changes", arguments: [2, 8, 200])
    func spreads(shards: Int) throws {
        let map = StreamState(shards: shards, cursor: 0, nextReceive: 1).map
        for name in ["orders/", "o", "a/long/name/with/many/levels/"] {
            var counts = Array(repeating: 0, count: shards)
            for number in 0..<shards * 1_000 {
                counts[try #require(map.shard(ofHash: ShardKey.hash(of: Topic("\(name)\(number)")), at: 1))] += 1
            }
            #expect(counts.allSatisfy { (700...1_300).contains($0) }, "\(name): \(counts)")
        }
        #expect(try ShardKey.hash(of: Topic("orders/42")) == 0x83E2_91AA_8634_375D)
    }
}
