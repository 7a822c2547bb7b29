import QueueEngine
import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

/// Random histories of a stream whose shards split and merge while publishers crash, hang, come back with handles of leases that they have lost, and
/// clocks jump; and what must hold at every step.
struct ReshardSimulation {
    /// What was handed out to whom, by its record.
    private struct Hand {
        var owner: OwnerID
        var shard: UInt64
        var lease: UInt64
        var hasFailed = false
    }

    private struct Held {
        var handle: ReceiptHandle
        var hand: Hand
    }

    private static let topics = 9
    private static let mostShards = 12
    private var bench: StreamBench
    private var random: SeededGenerator
    private var now: UInt64 = 10 * timeout
    private var publishers: [OwnerID] = []
    private var dead: Set<OwnerID> = []
    private var nextOwner: UInt64 = 1
    private var held: [OwnerID: [Held]] = [:]
    /// Handles of publishers that are gone.
    private var stray: [Held] = []
    private var hands: [UInt64: Hand] = [:]
    /// Records that were retired by who had the lease.
    private var confirmed: Set<UInt64> = []
    /// How far each topic was, the last time that one looked.
    private var passed = Array(repeating: UInt64(0), count: topics)
    private(set) var violations: [String] = []
    private(set) var deliveries = 0
    private(set) var reshards = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        bench = StreamBench(shards: .random(in: 1...4, using: &random))
        bench.rules = ChangeQueueTests.rules(maximumInFlight: .random(in: 8...80, using: &random))
        bench.hashes = (0..<ReshardSimulation.topics).map { _ in .random(in: 0 ... .max, using: &random) }
        for _ in 0..<3 { startPublisher() }
    }

    /// Runs at random, then lets everything come to its end.
    mutating func run(steps: Int) {
        for _ in 0..<steps where violations.isEmpty {
            step()
            check()
        }
        for _ in 0..<3_000 where violations.isEmpty && !isDone {
            now += .random(in: 1...timeout / 4, using: &random)
            for index in publishers.indices {
                heartbeat(publishers[index])
                receive(publishers[index])
                answer(publishers[index], failsOneIn: 10)
            }
            check()
        }
        if violations.isEmpty, !isDone { violations.append("never retired: \(bench.shared)") }
    }

    private var isDone: Bool {
        bench.shared.retiredThrough >= bench.bounds.last && bench.shared.shards.allSatisfy { $0.extent.end == nil }
    }

    // MARK: Steps

    private mutating func step() {
        let owner = publishers[Int.random(in: publishers.indices, using: &random)]
        switch Int.random(in: 0..<200, using: &random) {
        case 0..<30: append()
        case 30..<80: receive(owner)
        case 80..<130: answer(owner, failsOneIn: 6)
        case 130..<150: heartbeat(owner)
        case 150..<164: reshard()
        case 164..<172: now += .random(in: 1...timeout / 10, using: &random)
        case 172..<176: now += .random(in: 1...timeout * 3, using: &random)
        case 176..<179: now -= min(now - 1, .random(in: 1...timeout * 2, using: &random))
        case 179..<183: crash(owner)
        case 183..<185: leave(owner)
        case 185..<192: answerStray(owner)
        case 192..<196: restart()
        case 196..<199: trim()
        default: restore()
        }
    }

    private mutating func append() {
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            bench.log.append(.random(in: 0..<ReshardSimulation.topics, using: &random))
        }
    }

    private mutating func startPublisher() {
        let owner = OwnerID(high: nextOwner, low: 0)
        nextOwner += 1
        publishers.append(owner)
        heartbeat(owner)
    }

    private mutating func heartbeat(_ owner: OwnerID) {
        bench.balance(owner, dead: dead, at: now)
        dead = []
    }

    /// A publisher is gone without a word; another one starts, and its handles may still be answered by somebody.
    private mutating func crash(_ owner: OwnerID) {
        publishers.removeAll { $0 == owner }
        if random.oneIn(2) { dead.insert(owner) }
        stray += held.removeValue(forKey: owner) ?? []
        bench.consumers[owner] = nil
        startPublisher()
    }

    private mutating func leave(_ owner: OwnerID) {
        publishers.removeAll { $0 == owner }
        bench.with(owner) { StreamDeparture().apply(to: &$0) }
        stray += held.removeValue(forKey: owner) ?? []
        startPublisher()
    }

    private mutating func reshard() {
        let open = bench.shared.shards.map(\.extent).filter { $0.end == nil }.sorted {
            $0.hashes.first < $1.hashes.first
        }
        let index = Int.random(in: open.indices, using: &random)
        let change: StreamReshard =
            if open.count < ReshardSimulation.mostShards, random.oneIn(2) || open.count == 1 {
                .split(open[index].id)
            } else {
                .merge(open[index].id, open[index + 1 < open.count ? index + 1 : max(index - 1, 0)].id)
            }
        do {
            try bench.reshard(change)
            reshards += 1
        } catch {
            // A range of one hash, or one shard that is left.
        }
    }

    /// All processes are started anew: what is stored is what there is.
    private mutating func restart() {
        do {
            let shared = try StreamStorage.state(from: StreamStorage.row(of: bench.shared))
            if shared != bench.shared { violations.append("\(bench.shared) is stored and \(shared) is read") }
            bench.shared = shared
        } catch {
            violations.append("the state can't be read again: \(error)")
        }
        for owner in publishers where random.oneIn(2) { crash(owner) }
    }

    private mutating func trim() {
        guard bench.bounds.last > bench.first + 40 else { return }
        bench.first += .random(in: 1...10, using: &random)
    }

    /// The log was put back from a copy: its newest records are gone, and their numbers are given again.
    private mutating func restore() {
        guard random.oneIn(3), bench.bounds.last > bench.first + 10 else { return }
        for owner in publishers { crash(owner) }
        stray = []
        bench.log.removeLast(.random(in: 1...8, using: &random))
        let last = bench.bounds.last
        bench.shared.cut(after: last)
        hands = hands.filter { $0.key <= last }
        confirmed = confirmed.filter { $0 <= last }
        passed = passed.map { min($0, last) }
    }

    // MARK: Receives and answers

    private mutating func receive(_ owner: OwnerID) {
        let received = bench.receive(owner, .random(in: 1...16, using: &random), at: now)
        guard let map = bench.consumers[owner]?.map else { return }
        for record in received {
            let sequence = record.handle.sequence.rawValue
            let topic = bench.log[Int(sequence - 1)]
            guard let index = map.shard(ofHash: bench.hashes[topic], at: sequence) else {
                violations.append("\(sequence) is received and has no shard")
                return
            }
            let shard = bench.shared.shards[index]
            let hand = Hand(owner: owner, shard: shard.extent.id, lease: shard.lease)
            if shard.owner != owner { violations.append("\(sequence) is received by who hasn't its shard") }
            if sequence <= checkpoint(ofTopic: topic) {
                violations.append("\(sequence) is received behind the checkpoint")
            }
            checkOrder(sequence, topic, hand)
            hands[sequence] = hand
            held[owner, default: []].append(Held(handle: record.handle, hand: hand))
        }
        deliveries += received.count
    }

    /// What came before of the same topic is retired, or in the same hands and on its way.
    private mutating func checkOrder(_ sequence: UInt64, _ topic: Int, _ hand: Hand) {
        var earlier = max(checkpoint(ofTopic: topic) + 1, bench.first)
        while earlier < sequence {
            if bench.log[Int(earlier - 1)] == topic {
                let before = hands[earlier]
                if before?.lease != hand.lease || before?.owner != hand.owner || before?.hasFailed != false {
                    violations.append("\(sequence) of topic \(topic) is received before \(earlier)")
                }
            }
            earlier += 1
        }
    }

    private mutating func answer(_ owner: OwnerID, failsOneIn: Int) {
        var (done, failed): ([Held], [Held]) = ([], [])
        held[owner]?.removeAll { record in
            guard !random.oneIn(3) else { return false }
            if random.oneIn(failsOneIn) { failed.append(record) } else { done.append(record) }
            return true
        }
        done.shuffle(using: &random)
        retire(owner, done)
        let valid = failed.filter { isHeld($0, by: owner) }
        bench.retry(owner, failed.map(\.handle), resumesAt: now + .random(in: 0...timeout / 20, using: &random))
        for record in valid where hands[record.handle.sequence.rawValue]?.lease == record.hand.lease {
            hands[record.handle.sequence.rawValue]?.hasFailed = true
        }
    }

    /// A publisher answers what another one was given.
    private mutating func answerStray(_ owner: OwnerID) {
        guard !stray.isEmpty else { return }
        let record = stray.remove(at: .random(in: stray.indices, using: &random))
        retire(owner, [record])
        bench.retry(owner, [record.handle], resumesAt: now + timeout)
    }

    private func isHeld(_ record: Held, by owner: OwnerID) -> Bool {
        record.hand.owner == owner
            && bench.shared.shards.contains {
                $0.extent.id == record.hand.shard && $0.owner == owner && $0.lease == record.hand.lease
            }
    }

    private mutating func retire(_ owner: OwnerID, _ records: [Held]) {
        let valid = records.filter { isHeld($0, by: owner) }
        for record in valid where record.handle.sequence.rawValue <= bench.bounds.last {
            confirmed.insert(record.handle.sequence.rawValue)
        }
        let before = bench.shared
        bench.retire(owner, records.map(\.handle))
        for shard in before.shards where (shard.owner != owner || valid.isEmpty) && !shard.isRetired {
            let after = bench.shared.shards.first { $0.extent.id == shard.extent.id }
            if after?.checkpoint != shard.checkpoint {
                violations.append("\(owner.high) has moved the checkpoint of \(shard) with no right to it")
            }
        }
    }

    // MARK: What must hold

    /// Every record of a topic up to this one is retired.
    private func checkpoint(ofTopic topic: Int) -> UInt64 {
        let hash = bench.hashes[topic]
        return bench.shared.shards.lazy.filter { $0.extent.hashes.contains(hash) }.map(\.checkpoint).min() ?? .max
    }

    private mutating func check() {
        for topic in passed.indices {
            let checkpoint = checkpoint(ofTopic: topic)
            if checkpoint < passed[topic] {
                violations.append("topic \(topic) goes back from \(passed[topic]) to \(checkpoint)")
            }
            var sequence = max(passed[topic] + 1, bench.first)
            while sequence <= min(checkpoint, bench.bounds.last) {
                if bench.log[Int(sequence - 1)] == topic, !confirmed.contains(sequence) {
                    violations.append(
                        "the checkpoint \(checkpoint) of topic \(topic) has passed \(sequence), which nobody has retired"
                    )
                }
                sequence += 1
            }
            passed[topic] = max(passed[topic], min(checkpoint, bench.bounds.last))
        }
        if bench.shared.shards.count > StreamState.maximumShards { violations.append("there are too many shards") }
    }
}
