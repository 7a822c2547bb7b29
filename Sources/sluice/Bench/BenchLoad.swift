import StageLatency

/// The load as a value: what is due, what is under way, and what each receiver got.
///
/// Events in, messages to publish out, the time passed in.
struct BenchLoad {
    private let plan: BenchPlan
    private var schedule: BenchSchedule
    private var nextNumber = 0
    private var outstanding: [Int: OutstandingMessage] = [:]
    /// Refused messages, which must not arrive.
    private var refused: Set<Int> = []
    private var orders: [ReceiverOrder]
    /// Who is connected, by topic.
    private var connected: [ReceiverSet]
    private(set) var counts = BenchCounts()
    private(set) var latencies = BenchLatencies()

    /// After this time a delivery is late, and a message gives up its place in flight.
    static let patienceNanoseconds: UInt64 = 5_000_000_000
    /// Bytes that may be spent on messages under way.
    private static let outstandingBytes = 64 * 1024 * 1024

    /// - Parameters:
    ///   - plan: what to do.
    ///   - heads: the topic's newest sequence number when each receiver subscribed.
    ///   - now: when it begins.
    init(_ plan: BenchPlan, heads: [UInt64], now: UInt64) {
        self.plan = plan
        schedule = BenchSchedule(plan, startNanoseconds: now)
        orders = heads.map(ReceiverOrder.init)
        connected = plan.topics.indices.map { topic in
            ReceiverSet(first: (plan.connections - topic + plan.topics.count - 1) / plan.topics.count)
        }
    }

    // MARK: - Publishing

    /// Most messages that may be under way.
    var maximumOutstanding: Int {
        min(100_000, max(1_000, BenchLoad.outstandingBytes / (plan.receiversOfTopic / 8 + 128)))
    }

    /// When ``due(now:)`` has something to do again; nil: not before something has come.
    var nextNanoseconds: UInt64? { schedule.nextNanoseconds }

    /// When the last message is due.
    var endNanoseconds: UInt64 { schedule.endNanoseconds }

    /// When the warm-up ends.
    var measuredFromNanoseconds: UInt64 { schedule.measuredFromNanoseconds }

    /// How long is measured; less than planned when the run was stopped.
    var measuredSeconds: Double {
        endNanoseconds > measuredFromNanoseconds ? Double(endNanoseconds - measuredFromNanoseconds) / 1e9 : 0
    }

    /// Whether all that was sent is through, as far as can be known.
    var isSettled: Bool { outstanding.isEmpty }

    /// Takes the messages that are to be published now.
    mutating func due(now: UInt64) -> [BenchMessage] {
        var messages: [BenchMessage] = []
        for due in schedule.due(now: now) {
            guard outstanding.count < maximumOutstanding else {
                counts.unsent += 1
                continue
            }
            let message = BenchMessage(
                number: nextNumber,
                topic: nextNumber % plan.topics.count,
                dueNanoseconds: due
            )
            outstanding[nextNumber] = OutstandingMessage(
                topic: message.topic,
                dueNanoseconds: due,
                sentNanoseconds: now,
                receivers: connected[message.topic]
            )
            nextNumber += 1
            counts.sent += 1
            messages.append(message)
        }
        return messages
    }

    /// The publish was answered 202.
    mutating func acknowledged(_ number: Int, now: UInt64) {
        guard let message = outstanding[number], message.publish == .waiting else { return }
        outstanding[number]?.publish = .acknowledged(nanoseconds: now)
        counts.acknowledged += 1
        if isMeasured(message.dueNanoseconds) {
            latencies.acknowledgement.record(BenchLoad.elapsed(message.dueNanoseconds, now))
        }
        settle(number)
    }

    /// The publish was answered with an error.
    mutating func refused(_ number: Int, status: Int, text: String) {
        guard let message = outstanding.removeValue(forKey: number) else { return }
        freePlace(of: message)
        refused.insert(number)
        counts.refused[status, default: 0] += 1
        if counts.firstRefusal == nil { counts.firstRefusal = text }
        counts.unknown += message.receivers - message.missing.count - message.lost
        counts.received -= message.receivers - message.missing.count - message.lost
    }

    /// The connection broke before the answer.
    mutating func unanswered(_ number: Int) {
        guard let message = outstanding[number], message.publish == .waiting else { return }
        outstanding[number]?.publish = .unanswered
        outstanding[number]?.holdsPlace = false
        freePlace(of: message)
        counts.unanswered += 1
    }

    // MARK: - Receiving

    /// An event has come to a receiver.
    mutating func delivered(_ event: BenchEvent, to receiver: Int, now: UInt64) {
        guard let marker = event.marker, marker.run == plan.run, marker.number < nextNumber,
            marker.number % plan.topics.count == plan.topic(ofReceiver: receiver), !refused.contains(marker.number)
        else {
            counts.unknown += 1
            orders[receiver].follow(event)
            return
        }
        // A message that is through is with all its receivers.
        guard outstanding[marker.number]?.missing.remove(plan.place(ofReceiver: receiver)) == true,
            let message = outstanding[marker.number]
        else {
            counts.repeated += 1
            return
        }
        judge(event, message, receiver)
        counts.received += 1
        let elapsed = BenchLoad.elapsed(marker.dueNanoseconds, now)
        if elapsed > BenchLoad.patienceNanoseconds { counts.late += 1 }
        if isMeasured(marker.dueNanoseconds) {
            latencies.delivery.record(elapsed)
            if message.missing.count == 0, message.lost == 0 { latencies.lastReceiver.record(elapsed) }
        }
        settle(marker.number)
    }

    private mutating func judge(_ event: BenchEvent, _ message: OutstandingMessage, _ receiver: Int) {
        let verdict = orders[receiver].check(
            event,
            sentNanoseconds: message.sentNanoseconds,
            acknowledgedNanoseconds: message.acknowledgedNanoseconds
        )
        switch verdict {
        case .inOrder: break
        case .hole: counts.holes += 1
        case .outOfOrder: counts.outOfOrder += 1
        }
    }

    /// A receiver's connection has ended: what it hasn't got, it won't get.
    mutating func disconnected(_ receiver: Int, closeCode: Int) {
        let topic = plan.topic(ofReceiver: receiver)
        let place = plan.place(ofReceiver: receiver)
        guard connected[topic].remove(place) else { return }
        counts.disconnected[closeCode, default: 0] += 1
        for (number, message) in outstanding where message.topic == topic {
            guard outstanding[number]?.missing.remove(place) == true else { continue }
            outstanding[number]?.lost += 1
            settle(number)
        }
    }

    // MARK: - Ending

    /// Gives the places of messages that take too long to others; they are still waited for.
    mutating func giveUpPlaces(now: UInt64) {
        guard case .inFlight = plan.pacing else { return }
        for (number, message) in outstanding
        where message.holdsPlace && BenchLoad.elapsed(message.dueNanoseconds, now) > BenchLoad.patienceNanoseconds {
            outstanding[number]?.holdsPlace = false
            schedule.freePlace()
        }
    }

    /// Nothing more is to be sent.
    mutating func stop(now: UInt64) { schedule.stop(now: now) }

    /// Nothing more is waited for: what isn't through is lost, or wasn't answered.
    mutating func finish() {
        for message in outstanding.values {
            if message.publish == .waiting { counts.unanswered += 1 }
            guard message.isStored else { continue }
            counts.expected += message.receivers
            counts.lost += message.missing.count + message.lost
        }
        outstanding.removeAll()
    }

    /// Forgets a message that is through.
    private mutating func settle(_ number: Int) {
        guard let message = outstanding[number], message.isThrough else { return }
        outstanding[number] = nil
        freePlace(of: message)
        counts.expected += message.receivers
        counts.lost += message.lost
    }

    private mutating func freePlace(of message: OutstandingMessage) {
        if message.holdsPlace { schedule.freePlace() }
    }

    private func isMeasured(_ due: UInt64) -> Bool { due >= schedule.measuredFromNanoseconds }

    /// The two times may come from different readings of the clock; a difference below zero is none.
    private static func elapsed(_ due: UInt64, _ now: UInt64) -> UInt64 { now > due ? now - due : 0 }
}
