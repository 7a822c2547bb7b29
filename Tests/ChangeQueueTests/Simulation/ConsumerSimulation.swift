import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

/// Random receives, answers, crashes and hangs of two publishers over one queue of a ``SimulatedLog``, and what must hold at every step.
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

    private var queue: any SimulatedQueue
    private let isStream: Bool
    let timeout: UInt64
    private var generator: SeededGenerator
    private var publishers: [Publisher] = []
    private var dead: Set<OwnerID> = []
    private var nextOwner: UInt64 = 1
    private var holders: [UInt64: Holder] = [:]
    /// How often each record was handed out.
    private var receives: [UInt64: Int] = [:]
    /// What isn't retired.
    private var open: Set<UInt64> = []
    var violations: [String] = []
    private(set) var deliveries = 0

    init(_ queue: any SimulatedQueue, timeout: UInt64 = ChangeQueueTests.timeout, seed: UInt64, _ log: SimulatedLog) {
        self.queue = queue
        isStream = queue is SimulatedStream
        self.timeout = timeout
        generator = SeededGenerator(seed: seed)
        for _ in 0..<2 { startPublisher(log) }
    }

    /// Whether every record is retired.
    var isDone: Bool { open.isEmpty }

    /// What isn't retired, as far as a message shows it.
    var rest: [UInt64] { Array(open.sorted().prefix(20)) }

    // MARK: Steps

    /// The log has new records.
    mutating func appended(_ sequences: ClosedRange<UInt64>) { open.formUnion(sequences) }

    /// The log begins at `first` now.
    mutating func trimmed(before first: UInt64) {
        for sequence in holders.keys where sequence < first { holders[sequence] = nil }
        open = open.filter { $0 >= first }
    }

    mutating func step(_ log: SimulatedLog) {
        let index = Int.random(in: 0..<publishers.count, using: &generator)
        switch Int.random(in: 0..<66, using: &generator) {
        case 0..<30: receive(index, log)
        case 30..<55: answer(index, failsOneIn: 4, log)
        case 55..<63: heartbeat(index, log)
        case 63..<65: replace(index, crashes: true, log)
        default: replace(index, crashes: false, log)
        }
    }

    /// Lets what is left come to its end.
    mutating func settle(_ log: SimulatedLog) {
        for index in publishers.indices {
            heartbeat(index, log)
            receive(index, log)
            answer(index, failsOneIn: 10, log)
        }
    }

    private mutating func startPublisher(_ log: SimulatedLog) {
        let owner = OwnerID(high: nextOwner, low: 0)
        nextOwner += 1
        queue.start(owner, dead: dead, at: log.now)
        forgetDead()
        publishers.append(Publisher(owner: owner, aliveAt: log.now))
    }

    private mutating func replace(_ index: Int, crashes: Bool, _ log: SimulatedLog) {
        let publisher = publishers.remove(at: index)
        if crashes {
            queue.crash(publisher.owner)
            dead.insert(publisher.owner)
        } else {
            queue.leave(publisher.owner, at: log.now)
            release(publisher.owner)
        }
        startPublisher(log)
    }

    /// Those whose locks were found free hold nothing any more.
    private mutating func forgetDead() {
        for owner in dead { release(owner) }
        dead = []
    }

    private mutating func release(_ owner: OwnerID) {
        for (sequence, holder) in holders where holder.owner == owner { holders[sequence] = nil }
    }

    private mutating func heartbeat(_ index: Int, _ log: SimulatedLog) {
        let (now, timeout) = (log.now, timeout)
        let owner = publishers[index].owner
        queue.heartbeat(owner, dead: dead, at: now)
        forgetDead()
        publishers[index].aliveAt = now
        for (sequence, holder) in holders where holder.owner == owner && now < holder.until {
            holders[sequence]?.until = max(holder.until, now + timeout / 3 * 2)
        }
    }

    private mutating func receive(_ index: Int, _ log: SimulatedLog) {
        let owner = publishers[index].owner
        let received = queue.receive(owner, .random(in: 1...16, using: &generator), log.topics, log.bounds, at: log.now)
        if !zip(received, received.dropFirst()).allSatisfy({ $0.handle.sequence < $1.handle.sequence }) {
            violations.append("a receive isn't in the order of the log")
        }
        for record in received { take(record, index, log) }
        publishers[index].held += received
        deliveries += received.count
    }

    private mutating func take(_ record: SimulatedRecord, _ index: Int, _ log: SimulatedLog) {
        let (now, topics) = (log.now, log.topics)
        let sequence = record.handle.sequence.rawValue
        let owner = publishers[index].owner
        if !open.contains(sequence), !isStream {
            violations.append("\(sequence) was retired and is received again")
        }
        if sequence <= queue.retiredThrough(ofTopic: topics[Int(sequence - 1)]) {
            violations.append("\(sequence) is received behind the checkpoint")
        }
        receives[sequence, default: 0] += 1
        if !isStream, let count = receives[sequence], count != record.receiveCount {
            violations.append("\(sequence) is received for the \(count). time and says \(record.receiveCount)")
        }
        if let holder = holders[sequence], now < holder.until {
            violations.append(
                "\(sequence) is received by \(owner.high) at \(now), \(holder.owner.high) has it until \(holder.until)"
            )
        }
        // A stream's shards live by the owner's life, a lease by the receive.
        let from = isStream ? publishers[index].aliveAt : now
        holders[sequence] = Holder(owner: owner, handle: record.handle, until: from + timeout)
        let topic = topics[Int(sequence - 1)]
        let newest = publishers[index].newest[topic] ?? 0
        if record.receiveCount == 1, sequence <= newest {
            violations.append("\(sequence) of topic \(topic) is received for the first time after \(newest)")
        }
        publishers[index].newest[topic] = max(newest, sequence)
        publishers[index].seen.insert(sequence)
        guard isStream else { return }
        for earlier in open where earlier < sequence && topics[Int(earlier - 1)] == topic {
            let isRetired = earlier <= queue.retiredThrough(ofTopic: topic)
            if !isRetired, !publishers[index].seen.contains(earlier) {
                violations.append("\(sequence) of topic \(topic) is received before \(earlier)")
            }
        }
    }

    private mutating func answer(_ index: Int, failsOneIn: Int, _ log: SimulatedLog) {
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
        queue.retry(owner, failed, after: .random(in: 0...timeout / 20, using: &generator), at: log.now)
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
        if !isStream { open.remove(sequence) }
    }

    // MARK: What must hold

    mutating func check(_ log: SimulatedLog) {
        let (now, topics) = (log.now, log.topics)
        if isStream {
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
            if let count = queue.count(log.bounds, at: now), count != UInt64(open.count) {
                violations.append("the depth is \(count) and \(open.count) records aren't retired")
            }
        }
    }
}
