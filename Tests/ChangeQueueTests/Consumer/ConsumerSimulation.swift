import SluiceCore
import TestSupport

@testable import ChangeQueue

/// Random appends, receives, answers, crashes, hangs, trims and time steps of two publishers over one queue, and what
/// must hold at every step.
struct ConsumerSimulation {
    /// A publisher as the simulation sees it.
    private struct Publisher {
        var owner: OwnerID
        var held: [SimulatedRecord] = []
        /// When it last showed life.
        var aliveAt: UInt64
        /// For each topic the newest record that it was given.
        var newest: [Int: UInt64] = [:]
        /// Everything that it was ever given.
        var seen: Set<UInt64> = []
    }

    /// Who has a record, and until when nobody else may be given it.
    private struct Holder {
        var owner: OwnerID
        var handle: ReceiptHandle
        var until: UInt64
    }

    private static let topics = 7

    private var queue: any SimulatedQueue
    private let semantics: QueueSemantics
    private var generator: SeededGenerator
    private var topics: [Int] = []
    private var first: UInt64 = 1
    private var now: UInt64 = 1
    private var publishers: [Publisher] = []
    private var dead: Set<OwnerID> = []
    private var nextOwner: UInt64 = 1
    private var holders: [UInt64: Holder] = [:]
    /// What isn't retired.
    private var open: Set<UInt64> = []
    private(set) var violations: [String] = []
    private(set) var deliveries = 0

    init(_ semantics: QueueSemantics, seed: UInt64) {
        self.semantics = semantics
        queue = semantics == .stream ? SimulatedStream() : SimulatedLeases(isPush: semantics == .sns)
        generator = SeededGenerator(seed: seed)
        for _ in 0..<2 { startPublisher() }
    }

    private var bounds: LogBounds { LogBounds(first: first, last: UInt64(topics.count)) }

    /// Runs at random, then lets everything come to its end.
    mutating func run(steps: Int) {
        for _ in 0..<steps where violations.isEmpty {
            step()
            check()
        }
        for _ in 0..<2_000 where violations.isEmpty && !open.isEmpty {
            advance(by: .random(in: 1...timeout / 4, using: &generator))
            for index in publishers.indices {
                heartbeat(index)
                receive(index)
                answer(index, failsOneIn: 10)
            }
            check()
        }
        if !open.isEmpty { violations.append("never retired: \(open.sorted().prefix(20))") }
    }

    // MARK: Steps

    private mutating func step() {
        let index = Int.random(in: 0..<publishers.count, using: &generator)
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<25:
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                topics.append(Int.random(in: 0..<ConsumerSimulation.topics, using: &generator))
                open.insert(UInt64(topics.count))
            }
        case 25..<55: receive(index)
        case 55..<80: answer(index, failsOneIn: 4)
        case 80..<88: heartbeat(index)
        case 88..<93: advance(by: .random(in: 1...timeout / 10, using: &generator))
        case 93..<95: advance(by: .random(in: 1...timeout * 2, using: &generator))
        case 95..<97: replace(index, crashes: true)
        case 97..<98: replace(index, crashes: false)
        default: trim()
        }
    }

    private mutating func advance(by nanoseconds: UInt64) { now += nanoseconds }

    private mutating func startPublisher() {
        let owner = OwnerID(high: nextOwner, low: 0)
        nextOwner += 1
        queue.start(owner, dead: dead, at: now)
        forgetDead()
        publishers.append(Publisher(owner: owner, aliveAt: now))
    }

    private mutating func replace(_ index: Int, crashes: Bool) {
        let publisher = publishers.remove(at: index)
        if crashes {
            queue.crash(publisher.owner)
            dead.insert(publisher.owner)
        } else {
            queue.leave(publisher.owner, at: now)
            release(publisher.owner)
        }
        startPublisher()
    }

    /// Those whose locks were found free hold nothing any more.
    private mutating func forgetDead() {
        for owner in dead { release(owner) }
        dead = []
    }

    private mutating func release(_ owner: OwnerID) {
        for (sequence, holder) in holders where holder.owner == owner { holders[sequence] = nil }
    }

    private mutating func heartbeat(_ index: Int) {
        let owner = publishers[index].owner
        queue.heartbeat(owner, dead: dead, at: now)
        forgetDead()
        publishers[index].aliveAt = now
        for (sequence, holder) in holders where holder.owner == owner && now < holder.until {
            holders[sequence]?.until = max(holder.until, now + timeout / 3 * 2)
        }
    }

    private mutating func receive(_ index: Int) {
        let owner = publishers[index].owner
        let received = queue.receive(owner, .random(in: 1...16, using: &generator), topics, bounds, at: now)
        if !zip(received, received.dropFirst()).allSatisfy({ $0.handle.sequence < $1.handle.sequence }) {
            violations.append("a receive isn't in the order of the log")
        }
        for record in received { take(record, index) }
        publishers[index].held += received
        deliveries += received.count
    }

    private mutating func take(_ record: SimulatedRecord, _ index: Int) {
        let sequence = record.handle.sequence.rawValue
        let owner = publishers[index].owner
        if !open.contains(sequence), semantics != .stream {
            violations.append("\(sequence) was retired and is received again")
        }
        if sequence <= queue.retiredThrough(ofTopic: topics[Int(sequence - 1)]) {
            violations.append("\(sequence) is received behind the checkpoint")
        }
        if let holder = holders[sequence], now < holder.until {
            violations.append(
                "\(sequence) is received by \(owner.high) at \(now), \(holder.owner.high) has it until \(holder.until)"
            )
        }
        // A stream's shards live by the owner's life, a lease by the receive.
        let from = semantics == .stream ? publishers[index].aliveAt : now
        holders[sequence] = Holder(owner: owner, handle: record.handle, until: from + timeout)
        let topic = topics[Int(sequence - 1)]
        let newest = publishers[index].newest[topic] ?? 0
        if record.receiveCount == 1, sequence <= newest {
            violations.append("\(sequence) of topic \(topic) is received for the first time after \(newest)")
        }
        publishers[index].newest[topic] = max(newest, sequence)
        publishers[index].seen.insert(sequence)
        guard semantics == .stream else { return }
        for earlier in open where earlier < sequence && topics[Int(earlier - 1)] == topic {
            let isRetired = earlier <= queue.retiredThrough(ofTopic: topic)
            if !isRetired, !publishers[index].seen.contains(earlier) {
                violations.append("\(sequence) of topic \(topic) is received before \(earlier)")
            }
        }
    }

    private mutating func answer(_ index: Int, failsOneIn: Int) {
        guard !publishers[index].held.isEmpty else { return }
        let owner = publishers[index].owner
        var (done, failed): ([ReceiptHandle], [ReceiptHandle]) = ([], [])
        publishers[index].held.removeAll { record in
            guard !generator.oneIn(3) else { return false }
            if generator.oneIn(failsOneIn) { failed.append(record.handle) } else { done.append(record.handle) }
            return true
        }
        done.shuffle(using: &generator)
        queue.retire(owner, done)
        for handle in done { noteRetired(handle) }
        queue.retry(owner, failed, after: .random(in: 0...timeout / 20, using: &generator), at: now)
        for handle in failed where holders[handle.sequence.rawValue]?.handle == handle {
            holders[handle.sequence.rawValue] = nil
        }
    }

    /// Only the handle of the last receive retires.
    private mutating func noteRetired(_ handle: ReceiptHandle) {
        let sequence = handle.sequence.rawValue
        guard let holder = holders[sequence], holder.handle == handle else { return }
        holders[sequence] = nil
        // A stream's record counts when the checkpoint has passed it: until then it may be given out again.
        if semantics != .stream { open.remove(sequence) }
    }

    private mutating func trim() {
        guard generator.oneIn(4), bounds.last > first + 40 else { return }
        first += .random(in: 1...10, using: &generator)
        for sequence in holders.keys where sequence < first { holders[sequence] = nil }
        open = open.filter { $0 >= first }
    }

    // MARK: What must hold

    private mutating func check() {
        if semantics == .stream {
            for sequence in open {
                let checkpoint = queue.retiredThrough(ofTopic: topics[Int(sequence - 1)])
                guard sequence <= checkpoint else { continue }
                if let holder = holders[sequence], now < holder.until,
                    publishers.contains(where: { $0.owner == holder.owner })
                {
                    violations.append("the checkpoint \(checkpoint) has passed \(sequence), which is in flight")
                }
                open.remove(sequence)
            }
        } else {
            if let lowest = open.min(), queue.retiredThrough >= lowest {
                violations.append("the checkpoint \(queue.retiredThrough) has passed \(lowest)")
            }
            if let count = queue.count(bounds, at: now), count != UInt64(open.count) {
                violations.append("the depth is \(count) and \(open.count) records aren't retired")
            }
        }
    }
}
