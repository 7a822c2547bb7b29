import ChangeQueue
import PosixSupport
import SluiceCore

/// The batches that are on their way, from fan-out to the last receipt: as many as there are workers, each of which carries one.
///
/// A record is retired when every gateway that it was sent to has answered for it; where one couldn't take it, the record goes back to the queue
/// for a retry, and ``AnsweredGateways`` remembers who needn't get it again. While all workers are busy nothing is received, so that records
/// gather in the queue and the next batch is larger: that is the whole batching under load. Event in, actions out, time passed in.
///
/// A gateway that is away or doesn't answer must not hold up the others. What only such a gateway misses is set aside: it stays in flight, and its
/// worker takes the next batch. It is sent when the gateway's link comes back, and done with when the gateway leaves the registry: its connections
/// are gone with it, and its clients resume. What is set aside is bounded; beyond, records go back to the queue and workers wait.
struct BatchesInFlight {
    /// What the shell has to do.
    enum Action {
        /// Hand these records to a gateway's link as one delivery.
        case send(GatewayID, deliveryID: UInt64, entries: [ReceivedRecord], receivedAt: UInt64, resolvedAt: UInt64)
        /// Every gateway has answered: delete, or move the checkpoint.
        case retire([ReceiptHandle])
        /// Some gateway couldn't take it: give it back, to be received again after the delay.
        case retry([ReceiptHandle], after: Duration)
        /// A gateway keeps refusing it: put it with the dead letters, and then retire it.
        case giveUp([(record: ReceivedRecord, reason: String)])
    }

    /// What became of a delivery.
    private enum Verdict {
        case taken
        /// The gateway has refused it.
        case refused(Refusal)
        /// It wasn't delivered, and that isn't the records' fault.
        case givenBack
    }

    /// Why a record isn't retired when all its gateways have answered.
    private enum Failure {
        case givenBack
        case refused(Refusal)
    }

    /// A gateway's answer for a delivery that it doesn't take.
    private struct Refusal {
        let reason: String
        let nowNanoseconds: UInt64
        /// Whether the delivery had this record only: else it may be another's fault.
        var isAlone = false
    }

    /// How long a gateway may keep a worker waiting before the others go on without it.
    static let patienceNanoseconds: UInt64 = 500_000_000

    /// A delivery that waits for its receipt, or for its gateway's link.
    private struct Outstanding {
        let work: UInt64
        let gateway: GatewayID
        /// Positions in the batch.
        let entries: [Int]
        var isParked = false
    }

    /// A batch on its way.
    private struct Work {
        var batch: Batch
        /// Gateways that haven't answered, an entry.
        var waiting: [Int]
        /// By their positions the records that some gateway hasn't taken.
        var failures: [Int: Failure] = [:]
        var deliveries: Int
        /// Deliveries that wait for a receipt, not for a link, a gateway.
        var onTheirWay: [GatewayID: Int] = [:]
        var isAside = false
        let sizeBytes: Int
        let startedAtNanoseconds: UInt64

        /// A delivery to `gateway` is on its way no more.
        mutating func noteArrival(at gateway: GatewayID) {
            guard let count = onTheirWay[gateway] else { return }
            onTheirWay[gateway] = count > 1 ? count - 1 : nil
        }
    }

    private let workers: Int
    private var works: [UInt64: Work] = [:]
    private var asideRecords = 0
    private var asideBytes = 0
    private var asideWorks = 0
    private let maximumAsideRecords: Int
    private let maximumAsideBytes: Int
    /// Gateways that kept workers waiting and haven't answered since.
    private var late: Set<GatewayID> = []
    private var outstanding: [UInt64: Outstanding] = [:]
    private var nextDeliveryID: UInt64 = 1
    private var nextWork: UInt64 = 1
    private var answered = AnsweredGateways()
    /// Each record alone, as SNS pushes it.
    private let pushesSingly: Bool
    private let backoff: Backoff
    private let limits: AttemptLimits
    private var refused = RefusedRecords()

    init(
        workers: Int,
        pushesSingly: Bool,
        retryMinimum: Duration,
        retryMaximum: Duration,
        limits: AttemptLimits = .none,
        maximumAsideRecords: Int = 50_000,
        maximumAsideBytes: Int = 64 * 1024 * 1024
    ) {
        self.workers = max(1, workers)
        self.pushesSingly = pushesSingly
        backoff = Backoff(
            minimumNanoseconds: retryMinimum.wholeNanoseconds,
            maximumNanoseconds: retryMaximum.wholeNanoseconds
        )
        self.limits = limits
        self.maximumAsideRecords = maximumAsideRecords
        self.maximumAsideBytes = maximumAsideBytes
    }

    /// Whether a worker can take a batch.
    var hasIdleWorker: Bool { works.count - asideWorks < workers }

    /// Whether nothing is on its way.
    var isIdle: Bool { works.isEmpty }

    /// Gateways that have answered for a record that waits for its retry.
    func hasAnswered(_ gateway: GatewayID, for sequence: SequenceNumber) -> Bool {
        answered.contains(gateway, for: sequence)
    }

    /// An idle worker takes the batch.
    ///
    /// Records without subscribers are retired at once.
    mutating func start(_ batch: Batch, nowNanoseconds: UInt64) -> [Action] {
        guard hasIdleWorker else { return [.retry(batch.entries.map(\.received.handle), after: .zero)] }
        var actions: [Action] = []
        var perGateway: [GatewayID: [Int]] = [:]
        var order: [GatewayID] = []
        var withoutSubscribers: [ReceiptHandle] = []
        for (position, entry) in batch.entries.enumerated() {
            if entry.gateways.isEmpty {
                answered.forget(entry.received.record.sequence)
                withoutSubscribers.append(entry.received.handle)
            }
            for gateway in entry.gateways {
                if perGateway[gateway] == nil { order.append(gateway) }
                perGateway[gateway, default: []].append(position)
            }
        }
        if !withoutSubscribers.isEmpty { actions.append(.retire(withoutSubscribers)) }
        guard !order.isEmpty else { return actions }
        var work = Work(
            batch: batch,
            // Not as a key path: one of two members is walked at run time.
            waiting: batch.entries.map { $0.gateways.count },
            deliveries: 0,
            sizeBytes: batch.entries.reduce(0) { $0 + $1.received.record.bytes.count },
            startedAtNanoseconds: nowNanoseconds
        )
        for gateway in order {
            let positions = perGateway[gateway] ?? []
            for group in pushesSingly ? positions.map({ [$0] }) : refused.deliveries(of: positions, batch) {
                work.deliveries += 1
                work.onTheirWay[gateway, default: 0] += 1
                actions.append(send(Outstanding(work: nextWork, gateway: gateway, entries: group), of: batch))
            }
        }
        setAsideIfOnlyLate(&work)
        works[nextWork] = work
        nextWork &+= 1
        return actions
    }

    private mutating func send(_ delivery: Outstanding, of batch: Batch) -> Action {
        let id = nextDeliveryID
        nextDeliveryID &+= 1
        outstanding[id] = delivery
        return .send(
            delivery.gateway,
            deliveryID: id,
            entries: delivery.entries.count == batch.entries.count
                ? batch.entries.map(\.received) : delivery.entries.map { batch.entries[$0].received },
            receivedAt: batch.receivedAtNanoseconds,
            resolvedAt: batch.resolvedAtNanoseconds
        )
    }

    /// A gateway has taken a delivery, or nobody was there to take it.
    mutating func answer(deliveryID: UInt64, taken: Bool) -> [Action] {
        conclude(deliveryID, taken ? .taken : .givenBack)
    }

    /// A gateway has refused a delivery; `nowNanoseconds` is the wall clock.
    mutating func refuse(deliveryID: UInt64, reason: String, nowNanoseconds: UInt64) -> [Action] {
        conclude(deliveryID, .refused(Refusal(reason: reason, nowNanoseconds: nowNanoseconds)))
    }

    private mutating func conclude(_ deliveryID: UInt64, _ verdict: Verdict) -> [Action] {
        guard let delivery = outstanding.removeValue(forKey: deliveryID),
            var work = works.removeValue(forKey: delivery.work)
        else { return [] }
        if !delivery.isParked {
            late.remove(delivery.gateway)
            work.noteArrival(at: delivery.gateway)
        }
        // Out of the dictionary while it is changed, so that its arrays aren't copied.
        var retired: [ReceiptHandle] = []
        var failed: [Int: [ReceiptHandle]] = [:]
        var givenUp: [(record: ReceivedRecord, reason: String)] = []
        for position in delivery.entries {
            let entry = work.batch.entries[position]
            let received = entry.received
            let hasOthers = entry.gateways.count > 1 || received.receiveCount > 1
            switch verdict {
            case .taken:
                if hasOthers { answered.note(delivery.gateway, for: received.record.sequence) }
            case .givenBack:
                if work.failures[position] == nil { work.failures[position] = .givenBack }
            case .refused(var refusal):
                if case .refused(let other)? = work.failures[position] { refusal.isAlone = other.isAlone }
                if delivery.entries.count == 1 { refusal.isAlone = true }
                work.failures[position] = .refused(refusal)
                refused.note(delivery.entries.count, of: received.record.sequence)
            }
            work.waiting[position] -= 1
            guard work.waiting[position] == 0 else { continue }
            switch work.failures[position] {
            case nil:
                if hasOthers { answered.forget(received.record.sequence) }
                refused.forget(received.record.sequence)
                retired.append(received.handle)
            case .refused(let refusal)? where isLast(received, refusal):
                answered.forget(received.record.sequence)
                refused.forget(received.record.sequence)
                givenUp.append((received, refusal.reason))
            case .refused?, .givenBack?: failed[received.receiveCount, default: []].append(received.handle)
            }
        }
        work.deliveries -= 1
        if work.deliveries > 0 {
            setAsideIfOnlyLate(&work)
            works[delivery.work] = work
        } else if work.isAside {
            countAside(work, by: -1)
        }
        var actions: [Action] = retired.isEmpty ? [] : [.retire(retired)]
        if !givenUp.isEmpty { actions.append(.giveUp(givenUp)) }
        for (receiveCount, handles) in failed.sorted(by: { $0.key < $1.key }) {
            actions.append(.retry(handles, after: wait(afterReceive: receiveCount)))
        }
        return actions
    }

    private func isLast(_ received: ReceivedRecord, _ refusal: Refusal) -> Bool {
        refusal.isAlone
            && limits.areExhausted(
                receiveCount: received.receiveCount,
                acceptedAtNanoseconds: received.record.acceptedAtWallNanoseconds,
                nowNanoseconds: refusal.nowNanoseconds
            )
    }

    /// How long a record waits that was received so many times: doubling from the minimum to the maximum.
    private func wait(afterReceive receiveCount: Int) -> Duration {
        .nanoseconds(Int64(clamping: backoff.nanoseconds(afterAttempt: receiveCount)))
    }

    /// What is still on its way when a drain's time is over: it goes back to the queue.
    mutating func giveUp() -> [Action] {
        outstanding.keys.sorted().flatMap { answer(deliveryID: $0, taken: false) }
    }

    // MARK: - Gateways that are away

    /// A delivery couldn't be sent, or its link broke before the receipt: it waits for the link, if there is room.
    mutating func park(deliveryID: UInt64) -> [Action] {
        guard var delivery = outstanding[deliveryID], !delivery.isParked, var work = works[delivery.work] else {
            return []
        }
        guard work.isAside || hasRoomAside(work) else { return answer(deliveryID: deliveryID, taken: false) }
        delivery.isParked = true
        outstanding[deliveryID] = delivery
        work.noteArrival(at: delivery.gateway)
        setAsideIfOnlyLate(&work)
        works[delivery.work] = work
        return []
    }

    /// A gateway's link is up: what waits for it is sent, in the order of the first try.
    mutating func linkOpened(to gateway: GatewayID) -> [Action] {
        parked { $0 == gateway }.compactMap { id in
            guard var delivery = outstanding.removeValue(forKey: id), let work = works[delivery.work] else {
                return nil
            }
            delivery.isParked = false
            works[delivery.work]?.onTheirWay[gateway, default: 0] += 1
            return send(delivery, of: work.batch)
        }
    }

    /// Only these gateways are left: nobody waits for what others should have got.
    mutating func follow(_ gateways: some Sequence<GatewayID>) -> [Action] {
        let live = Set(gateways)
        late.formIntersection(live)
        return parked { !live.contains($0) }.flatMap { answer(deliveryID: $0, taken: true) }
    }

    /// What waits for a link goes back to the queue, since a drain has begun.
    mutating func giveBackParked() -> [Action] {
        parked { _ in true }.flatMap { answer(deliveryID: $0, taken: false) }
    }

    /// Finds the gateways that keep workers waiting, so that the workers go on with the next batches.
    ///
    /// To be called when no worker is idle.
    mutating func passOver(nowNanoseconds now: UInt64) {
        let overdue = works.filter {
            !$1.isAside && now > $1.startedAtNanoseconds &+ BatchesInFlight.patienceNanoseconds
        }
        for work in overdue.values { late.formUnion(work.onTheirWay.keys) }
        for (id, work) in works where !work.isAside && !overdue.isEmpty {
            var work = work
            setAsideIfOnlyLate(&work)
            works[id] = work
        }
    }

    private func parked(_ isMeant: (GatewayID) -> Bool) -> [UInt64] {
        outstanding.filter { $1.isParked && isMeant($1.gateway) }.keys.sorted()
    }

    private func hasRoomAside(_ work: Work) -> Bool {
        asideRecords + work.batch.entries.count <= maximumAsideRecords
            && asideBytes + work.sizeBytes <= maximumAsideBytes
    }

    /// Sets a batch aside when nothing of it is on its way to a gateway that answers.
    private mutating func setAsideIfOnlyLate(_ work: inout Work) {
        guard !work.isAside, work.onTheirWay.keys.allSatisfy(late.contains), hasRoomAside(work) else { return }
        work.isAside = true
        countAside(work, by: 1)
    }

    private mutating func countAside(_ work: Work, by sign: Int) {
        asideWorks += sign
        asideRecords += sign * work.batch.entries.count
        asideBytes += sign * work.sizeBytes
    }
}
