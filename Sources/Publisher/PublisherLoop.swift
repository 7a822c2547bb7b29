import ChangeQueue
import DeliveryLink
import Logging
import NIOCore
import SluiceCore
import SubscriptionRegistry

/// What the publisher does: receive → batch → resolve → fan out → retire, whenever it is rung for or a gateway answers, until it has drained.
///
/// It lives on one event loop, with the doorbell and the links: from a ring to the write, and from a receipt to the next batch, no thread wakes
/// another. The decisions are in values (``BatchWindow``, ``WorkerPool``); this class performs them.
final class PublisherLoop {
    private let configuration: PublisherConfiguration
    private let eventLoop: any EventLoop
    private let queue: any ChangeQueue
    private let doorbell: Doorbell
    private let registry: SubscriptionRegistry
    private let notices = LinkNotices()
    private let links: LinkPool
    private let latency: PublisherLatency
    private let presence: PublisherPresence
    private let logger: Logger
    private var resolver: Resolver
    private var pool: WorkerPool
    private var window: BatchWindow
    private var receivedAtNanoseconds: UInt64 = 0
    private var nextHeartbeat: UInt64 = 0
    private var nextRenewal: UInt64 = 0
    private var nextFollowing: UInt64 = 0
    private var stopBy: UInt64?
    /// The queue couldn't be read: nothing is tried before.
    private var resumesAt: UInt64 = 0
    private var isLooking = false
    private var plannedLook: (atNanoseconds: UInt64, Scheduled<Void>)?
    private var drained: EventLoopPromise<Void>?
    private var bell: (any Channel)?

    /// How often it looks when nothing rings; covers a lost ring (docs/architecture.md).
    private static let pollNanoseconds: UInt64 = 50_000_000
    private static let heartbeatNanoseconds: UInt64 = 1_000_000_000
    private static let renewalNanoseconds: UInt64 = 5_000_000_000
    /// How often it reads what is new in the registry while no record makes it.
    private static let followingNanoseconds: UInt64 = 10_000_000
    private static let failureNanoseconds: UInt64 = 1_000_000_000
    /// After so many batches in a row the links' sockets have their turn: records without subscribers keep no worker busy, so that nothing else ends it.
    private static let turnsPerLook = 8
    /// Long enough for the event loop to look at its sockets in between, and no longer.
    private static let breatherNanoseconds: UInt64 = 5_000

    init(
        configuration: PublisherConfiguration,
        storage: PublisherStorage,
        eventLoop: any EventLoop,
        latency: PublisherLatency,
        presence: PublisherPresence,
        logger: Logger
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        queue = storage.queue
        doorbell = storage.doorbell
        registry = storage.registry
        resolver = Resolver(index: storage.index)
        links = LinkPool(
            group: eventLoop,
            secret: configuration.linkSecret,
            events: notices.events(on: eventLoop),
            logger: logger
        )
        self.latency = latency
        self.presence = presence
        self.logger = logger
        pool = WorkerPool(
            workers: configuration.workers,
            pushesSingly: configuration.semantics == .sns,
            backoff: RetryBackoff(minimum: configuration.retryMinimum, maximum: configuration.retryMaximum)
        )
        window = BatchWindow(
            maximumRecords: configuration.batchMaximumRecords,
            maximumBytes: configuration.batchMaximumBytes,
            windowNanoseconds: configuration.batchWindow.wholeNanoseconds
        )
    }

    // MARK: - From start to drain

    /// Waits for rings and receipts from now on; `drained` when a stop was asked for and everything has its receipt or was given back.
    func start(drained: EventLoopPromise<Void>) {
        self.drained = drained
        notices.onNotice = { [self] in look() }
        do {
            try DoorbellHandler.listen(to: doorbell, on: eventLoop) { [self] in look() }
                .assumeIsolated().whenComplete { [self] result in
                    switch result {
                    case .success(let channel):
                        bell = channel
                        look()
                    case .failure(let error): fail(error)
                    }
                }
        } catch {
            fail(error)
        }
    }

    /// Receives no more, and gives up what has no receipt at `deadline`, nanoseconds of `StageClock`.
    func stop(by deadline: UInt64) {
        guard stopBy == nil else { return }
        logger.info("draining: no more records are received")
        stopBy = deadline
        perform([.retry(window.take().map(\.handle), after: .zero)])
        perform(pool.giveBackParked())
        look()
    }

    private func fail(_ error: any Error) {
        close()
        drained?.fail(error)
        drained = nil
    }

    /// Does what there is to do, and plans the next look.
    private func look() {
        // What a link says while it is given something is heard in the same look.
        guard !isLooking, bell != nil, drained != nil else { return }
        isLooking = true
        let next = turns()
        isLooking = false
        if let next { plan(atNanoseconds: next) } else { end() }
    }

    /// - Returns: when to look again unless something happens before; nil when it has drained.
    private func turns() -> UInt64? {
        for _ in 0..<PublisherLoop.turnsPerLook {
            let hadNotices = readNotices()
            if let stopBy, hasDrained(by: stopBy) { return nil }
            let now = StageClock.nowNanoseconds()
            guard now >= resumesAt else { return resumesAt }
            do {
                let moved = try turn(now)
                if !moved && !hadNotices { return nextLook() }
            } catch {
                logger.error("the queue can't be read, trying again", metadata: ["error": "\(error)"])
                latency.countFailure()
                resumesAt = now &+ PublisherLoop.failureNanoseconds
            }
        }
        return StageClock.nowNanoseconds() &+ PublisherLoop.breatherNanoseconds
    }

    private func plan(atNanoseconds time: UInt64) {
        if let planned = plannedLook {
            // An early look does no harm.
            if planned.atNanoseconds <= time { return }
            planned.1.cancel()
        }
        let now = StageClock.nowNanoseconds()
        let delay = TimeAmount.nanoseconds(Int64(clamping: time > now ? time - now : 0))
        let task = eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
            plannedLook = nil
            look()
        }
        plannedLook = (time, task)
    }

    private func end() {
        close()
        drained?.succeed()
        drained = nil
    }

    // MARK: - A turn

    /// Receives, and starts a batch when one is due.
    /// - Returns: whether there was anything to do.
    private func turn(_ now: UInt64) throws -> Bool {
        if now >= nextHeartbeat { try heartbeat(now) }
        if now >= nextRenewal, let row = presence.row { try renew(row, now) }
        if !pool.hasIdleWorker { pool.passOver(nowNanoseconds: now) }
        guard stopBy == nil, pool.hasIdleWorker else { return false }
        let received = try receive()
        if received == 0, now >= nextFollowing { try followRegistry(now) }
        switch window.decide(nowNanoseconds: StageClock.nowNanoseconds()) {
        case .empty, .wait: return received > 0
        case .ship: break
        }
        try followRegistry(now)
        let records = window.take()
        let entries = resolver.resolve(records, answered: pool)
        let resolvedAt = StageClock.nowNanoseconds()
        latency.resolved(records, receivedAt: receivedAtNanoseconds, resolvedAt: resolvedAt)
        perform(
            pool.start(
                Batch(
                    entries: entries,
                    receivedAtNanoseconds: receivedAtNanoseconds,
                    resolvedAtNanoseconds: resolvedAt
                ),
                nowNanoseconds: resolvedAt
            )
        )
        return true
    }

    private func receive() throws -> Int {
        guard window.roomRecords > 0 else { return 0 }
        let trimmedBefore = queue.trimmedRecords
        defer { latency.countTrimmed(queue.trimmedRecords - trimmedBefore) }
        let received = try queue.receive(
            maximumRecords: window.roomRecords,
            maximumBytes: window.roomBytes,
            nowNanoseconds: StageClock.wallNanoseconds()
        )
        guard !received.isEmpty else { return 0 }
        receivedAtNanoseconds = StageClock.nowNanoseconds()
        latency.received(received, at: receivedAtNanoseconds)
        window.gather(received, nowNanoseconds: receivedAtNanoseconds)
        return received.count
    }

    private func followRegistry(_ now: UInt64) throws {
        nextFollowing = now &+ PublisherLoop.followingNanoseconds
        if try resolver.refresh() { followGateways() }
    }

    private func followGateways() {
        links.follow(resolver.gateways)
        perform(pool.follow(resolver.gateways.lazy.map(\.id)))
    }

    private func heartbeat(_ now: UInt64) throws {
        nextHeartbeat = now &+ PublisherLoop.heartbeatNanoseconds
        _ = try queue.heartbeat(nowNanoseconds: StageClock.wallNanoseconds())
        _ = try resolver.refresh()
        followGateways()
        latency.heartbeat(linksConnected: links.connectedCount, isReady: nextRenewal != 0)
    }

    /// Keeps this publisher's row in the registry; from the first one on, `sluice latency` finds it and it is ready.
    private func renew(_ row: PublisherRow, _ now: UInt64) throws {
        try registry.renew(row)
        nextRenewal = now &+ PublisherLoop.renewalNanoseconds
        latency.heartbeat(linksConnected: links.connectedCount, isReady: true)
    }

    /// When to look again if nothing happens: at the poll, or when the batch's window or the drain's time is over.
    private func nextLook() -> UInt64 {
        let now = StageClock.nowNanoseconds()
        var next = now &+ PublisherLoop.pollNanoseconds
        if pool.hasIdleWorker, case .wait(let until) = window.decide(nowNanoseconds: now) { next = min(next, until) }
        if let stopBy { next = min(next, stopBy) }
        return next
    }

    // MARK: - Receipts

    /// Takes what the links have to say and retires what is answered: all receipts of a turn in one transaction.
    private func readNotices() -> Bool {
        let notices = notices.take()
        guard !notices.isEmpty else { return false }
        var actions: [WorkerPool.Action] = []
        for notice in notices {
            links.note(notice)
            switch notice {
            case .connected(let gateway): actions += pool.linkOpened(to: gateway)
            case .receipts(let gateway, let receipts):
                for receipt in receipts {
                    latency.answered(receipt, by: gateway)
                    actions +=
                        receipt.isFromAbsentGateway
                        ? undeliverable(receipt.deliveryID)
                        : pool.answer(deliveryID: receipt.deliveryID, taken: receipt.isTaken)
                }
            case .disconnected(_, let unacknowledged):
                for id in unacknowledged { actions += undeliverable(id) }
            }
        }
        perform(actions)
        return true
    }

    // MARK: - Actions

    private func perform(_ actions: [WorkerPool.Action]) {
        var retired: [ReceiptHandle] = []
        var deliveries: [GatewayID: [Delivery]] = [:]
        var order: [GatewayID] = []
        for action in actions {
            switch action {
            case .retire(let handles): retired += handles
            case .retry(let handles, let delay): retry(handles, after: delay)
            case .send(let gateway, let id, let entries, let receivedAt, let resolvedAt):
                if deliveries[gateway] == nil { order.append(gateway) }
                deliveries[gateway, default: []].append(
                    FanOut.delivery(id: id, entries: entries, receivedAt: receivedAt, resolvedAt: resolvedAt)
                )
            }
        }
        var notSent: [WorkerPool.Action] = []
        for gateway in order {
            let batch = deliveries[gateway] ?? []
            if links.send(batch, to: gateway) {
                latency.sent(batch)
            } else {
                for delivery in batch { notSent += undeliverable(delivery.id) }
            }
        }
        retire(retired)
        if !notSent.isEmpty { perform(notSent) }
    }

    /// There is no link for a delivery: it waits for one, unless this publisher is about to go.
    private func undeliverable(_ deliveryID: UInt64) -> [WorkerPool.Action] {
        stopBy == nil ? pool.park(deliveryID: deliveryID) : pool.answer(deliveryID: deliveryID, taken: false)
    }

    private func retire(_ handles: [ReceiptHandle]) {
        guard !handles.isEmpty else { return }
        do {
            try queue.retire(handles, nowNanoseconds: StageClock.wallNanoseconds())
            latency.countRetired(handles.count)
        } catch {
            // They stay leased and are delivered again when the visibility timeout is over; the gateways drop the repetition.
            logger.error("records can't be retired", metadata: ["count": "\(handles.count)", "error": "\(error)"])
            latency.countFailure()
        }
    }

    private func retry(_ handles: [ReceiptHandle], after delay: Duration) {
        guard !handles.isEmpty else { return }
        do {
            try queue.retry(handles, after: delay, nowNanoseconds: StageClock.wallNanoseconds())
            latency.countRetried(handles.count)
        } catch {
            logger.error(
                "records can't be given back, the visibility timeout will",
                metadata: ["count": "\(handles.count)", "error": "\(error)"]
            )
            latency.countFailure()
        }
    }

    // MARK: - Drain

    private func hasDrained(by deadline: UInt64) -> Bool {
        if pool.isIdle { return true }
        guard StageClock.nowNanoseconds() >= deadline else { return false }
        logger.warning("the drain's time is over: what has no receipt goes back to the queue")
        perform(pool.giveUp())
        return true
    }

    private func close() {
        do { try registry.remove(publisher: presence.publisherID) } catch {
            logger.warning(
                "the registry keeps this publisher's row until its lease lapses",
                metadata: ["error": "\(error)"]
            )
        }
        do { try queue.close() } catch {
            logger.error("consumer state can't be closed", metadata: ["error": "\(error)"])
        }
        links.close()
        bell?.close(promise: nil)
        plannedLook?.1.cancel()
        notices.onNotice = {}
        logger.info("drained")
    }
}
