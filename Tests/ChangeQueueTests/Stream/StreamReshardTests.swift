import Foundation
import QueueEngine
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Shards that split and merge")
struct StreamReshardTests {
    private static let histories = Int(ProcessInfo.processInfo.environment["SLUICE_HISTORIES"] ?? "") ?? 60

    /// `SLUICE_HISTORIES=10000` runs as many.
    @Test("every topic stays in order and complete through splits, merges, crashes, hangs and jumps of the clock")
    func simulated() {
        let first = SeededGenerator.printedSeed()
        var (deliveries, reshards) = (0, 0)
        for number in 0..<StreamReshardTests.histories {
            let seed = first &+ UInt64(number)
            var simulation = ReshardSimulation(seed: seed)
            simulation.run(steps: 300)
            #expect(simulation.violations.isEmpty, "seed \(seed): \(simulation.violations.prefix(3))")
            deliveries += simulation.deliveries
            reshards += simulation.reshards
            guard simulation.violations.isEmpty else { return }
        }
        #expect(deliveries > 100 * StreamReshardTests.histories && reshards > 10 * StreamReshardTests.histories)
    }

    @Test("a split shard's halves hand nothing out before everything before the split is retired")
    func splits() throws {
        var bench = StreamBench(shards: 1, log: [0, 1, 0, 1])
        bench.hashes = [1, .max - 1]
        bench.balance(alice)
        let held = bench.receive(alice, 2)
        #expect(held.sequences == [1, 2])
        #expect(try bench.reshard(.split(0)) == [1, 2])
        bench.log += [0, 1]
        let rest = bench.receive(alice)
        #expect(rest.sequences == [3, 4], "what was published before the split is the old shard's")
        bench.retire(alice, held.handles + [rest.handles[1]])
        #expect(bench.receive(alice).isEmpty)
        bench.retire(alice, [rest.handles[0]])
        #expect(bench.shared.shards.map(\.extent.id) == [1, 2])
        let after = bench.receive(alice)
        #expect(after.sequences == [5, 6])
        bench.retire(alice, [after.handles[1]])
        #expect(bench.checkpoints == [4, 6], "each half has its own checkpoint")
    }

    @Test("merged shards are both retired before the new one is read, by whoever has it")
    func merges() throws {
        var bench = StreamBench(shards: 2, log: [0, 1])
        bench.balance(alice)
        bench.balance(bob)
        let held = bench.receive(alice)
        #expect(held.sequences == [1, 2])
        #expect(try bench.reshard(.merge(1, 0)) == [2])
        bench.log += [0, 1]
        bench.retire(alice, [held.handles[1]])
        #expect(bench.receive(alice).isEmpty && bench.receive(bob).isEmpty)
        bench.retire(alice, [held.handles[0]])
        #expect(bench.receive(bob).sequences == [3, 4])
        #expect(bench.shared.shards.map(\.extent) == [ShardExtent(id: 2, hashes: .all, beginning: 2)])
    }

    @Test("a shard that is split twice before anything is read keeps its order")
    func splitsTwice() throws {
        var bench = StreamBench(shards: 1, log: [0, 0])
        bench.hashes = [0]
        _ = try bench.reshard(.split(0))
        bench.log += [0, 0]
        _ = try bench.reshard(.split(1))
        _ = try bench.reshard(.split(3))
        bench.log += [0, 0]
        bench.balance(alice)
        for expected in [[1, 2], [3, 4], [5, 6]] as [[UInt64]] {
            let received = bench.receive(alice)
            #expect(received.sequences == expected)
            bench.retire(alice, received.handles)
        }
        #expect(bench.shared.shards.allSatisfy { $0.extent.end == nil })
    }

    @Test("a publisher whose lease is gone moves no checkpoint, neither of the shard nor of its children")
    func fences() throws {
        var bench = StreamBench(shards: 1, log: [0, 0])
        bench.balance(alice)
        let held = bench.receive(alice)
        bench.balance(bob, at: timeout)
        try bench.reshard(.split(0))
        let again = bench.receive(bob, at: timeout)
        #expect(again.sequences == [1, 2])
        let before = bench.shared
        bench.retire(alice, held.handles)
        bench.retry(alice, held.handles, resumesAt: 5 * timeout)
        #expect(bench.shared == before)
        bench.retire(bob, again.handles)
        bench.retire(alice, held.handles)
        #expect(bench.checkpoints == [2, 2])
    }

    @Test("what can't be split or merged is refused with a reason, and nothing changes")
    func refuses() throws {
        var bench = StreamBench(shards: 3)
        try bench.reshard(.split(0))
        let before = bench.shared
        for change in [.split(9), .split(0), .merge(1, 1), .merge(3, 2), .merge(1, 7)] as [StreamReshard] {
            #expect { try bench.reshard(change) } throws: { ($0 as? ChangeQueueError)?.code == .cannotReshard }
        }
        #expect(bench.shared == before)
        bench.shared = StreamState(shards: 254, cursor: 0, nextReceive: 1)
        #expect(throws: ChangeQueueError.self) { try bench.reshard(.split(7)) }
        try bench.reshard(.merge(7, 8))
        #expect(throws: ChangeQueueError.self) { try bench.reshard(.merge(1, 2)) }
    }

    @Test("numbers aren't given twice, and no two shards are mixed up by a handle, after hundreds of splits")
    func numbers() throws {
        var bench = StreamBench(shards: 200)
        var seen = Set(bench.shared.shards.map(\.extent.id))
        for _ in 0..<300 {
            let shards = bench.shared.shards.map(\.extent).sorted { $0.hashes.first < $1.hashes.first }
            let merged = try bench.reshard(.merge(shards[3].id, shards[4].id))
            bench.shared.removeRetired()
            let split = try bench.reshard(.split(merged[0]))
            bench.shared.removeRetired()
            #expect((merged + split).allSatisfy { seen.insert($0).inserted })
            #expect(Set(bench.shared.shards.map(\.extent.handleByte)).count == bench.shared.shards.count)
        }
        #expect(try StreamStorage.state(from: StreamStorage.row(of: bench.shared)) == bench.shared)
    }

    @Test("a state of a fixed number of shards goes on at the lowest of their checkpoints")
    func migrates() throws {
        var row = StoredIntegers()
        row.add(77)
        row.add(2)
        for (checkpoint, handed) in [(UInt64(30), UInt64(40)), (20, 20)] {
            for value in [1, 2, 9, 500, checkpoint, handed, 0, 0, 0] as [UInt64] { row.add(value) }
        }
        for value in [1, 2, 500] as [UInt64] { row.add(value) }
        let state = try StreamStorage.state(from: row)
        #expect(state.shards.map(\.checkpoint) == [20, 20])
        #expect(state.shards.map(\.extent.hashes) == HashRange.even(2))
        #expect(state.shards.allSatisfy { $0.owner == .none && $0.rewoundThrough == 40 && $0.attempts == 1 })
        #expect(state.nextReceive == 77 && state.publishers == [OwnerID(high: 1, low: 2): 500])
        #expect(try StreamStorage.state(from: StreamStorage.row(of: state)) == state)
    }

    @Test("shards that don't share out the hashes are damage")
    func refusesDamaged() throws {
        let whole = StreamState(shards: 3, cursor: 5, nextReceive: 1)
        var (missing, twice) = (whole, whole)
        missing.shards.remove(at: 1)
        twice.shards[1] = twice.shards[0]
        for state in [missing, twice] {
            #expect { try StreamStorage.state(from: StreamStorage.row(of: state)) } throws: { error in
                (error as? ChangeQueueError)?.code == .corruptRecord
            }
        }
    }

    @Test("the map finds the shard of every record as a walk over all shards does")
    func maps() throws {
        var random = SeededGenerator(seed: SeededGenerator.printedSeed())
        var bench = StreamBench(shards: 3)
        bench.balance(alice)
        for _ in 0..<200 {
            bench.log += Array(repeating: 0, count: .random(in: 0...3, using: &random))
            let open = bench.shared.shards.map(\.extent).filter { $0.end == nil }
            guard let extent = open.randomElement(using: &random), bench.shared.shards.count < 250 else { break }
            let beside = open.first { extent.hashes.joined(with: $0.hashes) != nil }
            if let beside, random.oneIn(3) {
                try bench.reshard(.merge(extent.id, beside.id))
            } else {
                try bench.reshard(.split(extent.id))
            }
            // The oldest of some hash goes, now and then.
            let parents = bench.shared.shards.filter { shard in
                shard.extent.end != nil && !bench.shared.shards.contains { shard.extent.isChild(of: $0.extent) }
            }
            guard random.oneIn(3), let parent = parents.randomElement(using: &random) else { continue }
            bench.shared.shards.removeAll { $0.extent.id == parent.extent.id }
        }
        let (map, shards) = (bench.shared.map, bench.shared.shards)
        for _ in 0..<5_000 {
            let border = shards.randomElement(using: &random)?.extent.hashes.first ?? 0
            let hash =
                random.oneIn(2) ? border &- .random(in: 0...1, using: &random) : .random(in: 0 ... .max, using: &random)
            let sequence = UInt64.random(in: 1...bench.bounds.last + 3, using: &random)
            let expected = shards.indices.filter { index in
                let extent = shards[index].extent
                return extent.hashes.contains(hash) && extent.beginning < sequence && sequence <= extent.end ?? .max
            }
            #expect(map.shard(ofHash: hash, at: sequence).map { [$0] } ?? [] == expected)
        }
    }
}
