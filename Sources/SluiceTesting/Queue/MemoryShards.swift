import ChangeQueue
import SluiceCore

/// A stream in memory: each shard is read in order by one publisher at a time.
struct MemoryShards: MemoryQueueing {
    private struct InHand {
        enum State {
            case unanswered
            case retired
            case failed
        }

        let sequence: UInt64
        let receive: UInt64
        var state = State.unanswered
    }

    private struct Shard {
        var owner: MemoryPublisher?
        var leasedUntil: UInt64 = 0
        /// It goes to another publisher as soon as nothing of it is in hand.
        var isLeaving = false
        /// Everything of the shard up to here is retired.
        var checkpoint: UInt64 = 0
        /// Everything of the shard up to here was handed out.
        var position: UInt64 = 0
        /// Records up to here were handed out before and are handed out again.
        var againThrough: UInt64 = 0
        /// How often those were received.
        var attempts = 0
        /// Nothing is handed out before.
        var resumesAt: UInt64 = 0
        /// What the owner has, ascending, from the first that isn't retired.
        var inHand: [InHand] = []

        var hasFailed: Bool { inHand.contains { $0.state == .failed } }

        func receiveCount(of sequence: UInt64) -> Int { sequence <= againThrough ? attempts + 1 : 1 }

        /// Goes back to the record after `sequence`.
        mutating func rewind(to sequence: UInt64, attempts: Int) {
            inHand = []
            guard sequence < position else { return }
            againThrough = max(againThrough, position)
            self.attempts = max(self.attempts, attempts)
            position = sequence
        }

        mutating func release() {
            owner = nil
            isLeaving = false
            rewind(to: checkpoint, attempts: checkpoint < againThrough ? attempts + 1 : 1)
        }

        mutating func retire(through sequence: UInt64) {
            checkpoint = max(checkpoint, sequence)
            position = max(position, checkpoint)
            guard checkpoint >= againThrough else { return }
            (againThrough, attempts) = (0, 0)
        }

        /// After answers: goes back to what failed once the rest is answered, else moves the checkpoint.
        mutating func settle() {
            if let failed = inHand.first(where: { $0.state == .failed })?.sequence {
                if !inHand.contains(where: { $0.state == .unanswered }) {
                    rewind(to: failed - 1, attempts: receiveCount(of: failed))
                }
            }
            while inHand.first?.state == .retired { inHand.removeFirst() }
            retire(through: inHand.first.map { $0.sequence - 1 } ?? position)
            if isLeaving, inHand.isEmpty { release() }
        }
    }

    var dead: Set<MemoryPublisher> = []
    private let attributes: QueueAttributes
    private var shards: [Shard]
    /// When each publisher is given up if nothing is heard of it.
    private var publishers: [MemoryPublisher: UInt64] = [:]
    // Another queue's handles mean nothing here.
    private var nextReceive = UInt64.random(in: 1 << 32...1 << 62)

    init(_ attributes: QueueAttributes) {
        self.attributes = attributes
        shards = Array(repeating: Shard(), count: min(max(attributes.shards, 1), 255))
    }

    private var visibility: UInt64 { max(attributes.visibilityTimeout.wholeNanoseconds, 1_000_000) }
    private var window: Int { max(attributes.maximumInFlight / shards.count, 1) }
    private var fairShare: Int {
        let count = max(publishers.count, 1)
        return (shards.count + count - 1) / count
    }

    private func shard(of topic: Topic) -> Int {
        Int(topic.name.utf8.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) } % UInt64(shards.count))
    }

    private func own(_ publisher: MemoryPublisher) -> [Int] { shards.indices.filter { shards[$0].owner == publisher } }

    mutating func receive(
        _ order: MemoryReceive,
        _ log: MemoryLogContents
    ) -> (received: [ReceivedRecord], trimmed: UInt64) {
        let trimmed = trim(before: log.first)
        claim(for: order.publisher, at: order.now)
        var reading = Set(own(order.publisher))
        reading = reading.filter {
            !shards[$0].isLeaving && !shards[$0].hasFailed && shards[$0].resumesAt <= order.now
        }
        let receive = nextReceive
        nextReceive += 1
        var received: [ReceivedRecord] = []
        var bytes = 0
        var readThrough: UInt64 = 0
        for record in log.records where received.count < order.maximumRecords {
            let (sequence, index) = (record.sequence.rawValue, shard(of: record.topic))
            if reading.contains(index), sequence > shards[index].position {
                if shards[index].inHand.count < window {
                    let encoded = EncodedRecord(record)
                    if !received.isEmpty, bytes + encoded.bytes.count > order.maximumBytes { break }
                    bytes += encoded.bytes.count
                    received.append(handOut(encoded, of: index, receive))
                } else {
                    reading.remove(index)
                }
            }
            readThrough = sequence
        }
        // The records of other shards need no answer of these.
        for index in reading {
            shards[index].position = max(shards[index].position, readThrough)
            shards[index].settle()
        }
        return (received, trimmed)
    }

    private mutating func handOut(_ record: EncodedRecord, of index: Int, _ receive: UInt64) -> ReceivedRecord {
        let sequence = record.sequence.rawValue
        let count = shards[index].receiveCount(of: sequence)
        shards[index].inHand.append(InHand(sequence: sequence, receive: receive))
        shards[index].position = sequence
        let handle = ReceiptHandle(sequence: record.sequence, receive: receive)
        return ReceivedRecord(record: record, handle: handle, receiveCount: count)
    }

    mutating func retire(_ handles: [ReceiptHandle], by publisher: MemoryPublisher) {
        answer(handles, by: publisher, .retired)
    }

    mutating func retry(
        _ handles: [ReceiptHandle],
        by publisher: MemoryPublisher,
        after delay: UInt64,
        at now: UInt64
    ) {
        answer(handles, by: publisher, .failed, resumesAt: now.saturatingAdd(delay))
    }

    private mutating func answer(
        _ handles: [ReceiptHandle],
        by publisher: MemoryPublisher,
        _ state: InHand.State,
        resumesAt: UInt64 = 0
    ) {
        let answered = Set(handles)
        for index in own(publisher) {
            for place in shards[index].inHand.indices where shards[index].inHand[place].state == .unanswered {
                let record = shards[index].inHand[place]
                let handle = ReceiptHandle(sequence: SequenceNumber(record.sequence), receive: record.receive)
                guard answered.contains(handle) else { continue }
                shards[index].inHand[place].state = state
                shards[index].resumesAt = max(shards[index].resumesAt, resumesAt)
            }
            shards[index].settle()
        }
    }

    mutating func heartbeat(of publisher: MemoryPublisher, at now: UInt64, _ log: MemoryLogContents) -> UInt64 {
        publishers = publishers.filter { $1 > now && !dead.contains($0) }
        publishers[publisher] = now.saturatingAdd(visibility)
        dead = []
        for index in shards.indices {
            guard let owner = shards[index].owner else { continue }
            if owner == publisher {
                shards[index].leasedUntil = now.saturatingAdd(visibility)
            } else if publishers[owner] == nil || shards[index].leasedUntil <= now {
                shards[index].release()
            }
        }
        // What is above the fair share leaves; nothing leaves when there is no excess.
        let own = own(publisher)
        let leaving = own.suffix(max(own.count - fairShare, 0))
        for index in own {
            shards[index].isLeaving = leaving.contains(index)
            shards[index].settle()
        }
        claim(for: publisher, at: now)
        return self.own(publisher).contains { shards[$0].position < log.last } ? 0 : visibility
    }

    mutating func leave(_ publisher: MemoryPublisher, at now: UInt64) {
        for index in own(publisher) { shards[index].release() }
        publishers[publisher] = nil
    }

    func standing(of record: ChangeRecord, at now: UInt64) -> RecordState? {
        let sequence = record.sequence.rawValue
        let shard = shards[shard(of: record.topic)]
        if sequence <= shard.checkpoint { return nil }
        if sequence <= shard.position, shard.owner != nil, shard.leasedUntil > now {
            return shard.inHand.contains { $0.sequence == sequence && $0.state != .retired } ? .inFlight : nil
        }
        return sequence <= shard.againThrough && shard.resumesAt > now ? .delayed : .visible
    }

    // MARK: Parts

    private mutating func claim(for publisher: MemoryPublisher, at now: UInt64) {
        var room = fairShare - own(publisher).count
        for index in shards.indices where room > 0 && shards[index].owner == nil {
            shards[index].owner = publisher
            shards[index].leasedUntil = now.saturatingAdd(visibility)
            room -= 1
        }
    }

    /// - Returns: how many records that some shard hadn't come to were trimmed.
    private mutating func trim(before first: UInt64) -> UInt64 {
        guard first > 1, let lowest = shards.lazy.map(\.position).min() else { return 0 }
        for index in shards.indices where shards[index].checkpoint < first - 1 {
            shards[index].inHand.removeAll { $0.sequence < first }
            shards[index].retire(through: first - 1)
        }
        return first - 1 - min(lowest, first - 1)
    }
}
