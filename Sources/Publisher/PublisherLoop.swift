import ChangeQueue
import DeliveryLink
import Logging
import NIOCore
import SluiceCore
import SubscriptionRegistry

/// What the publisher does: receive → batch → resolve → fan out → retire, whenever it is rung for or a gateway answers, until it has drained.
///
/// It lives on one event loop, with the doorbell and the links: from a ring to the write, and from a receipt to the next batch, no thread wakes
/// another. The decisions are in values (``BatchWindow``, ``BatchesInFlight``); this class performs them.
final class PublisherLoop {
    let configuration: PublisherConfiguration
    let eventLoop: any EventLoop
    let queue: any ChangeQueue
    private let bell: any LogBell
    let registry: any SubscriptionFollowing
    let deadLetters: (any DeadLetterStore)?
    /// Commits of dead letters that are on their way.
    var deadLettersOnTheirWay = 0
    let notices = LinkNotices()
    let links: LinkPool
    let latency: PublisherLatency
    let presence: PublisherPresence
    let renewal: PresenceRenewal
    /// Where this publisher's row stands.
    var row = RowPhase.unwritten
    let logger: Logger
    var resolver: Resolver
    var batches: BatchesInFlight
    var window: BatchWindow
    var receivedAtNanoseconds: UInt64 = 0
    var nextHeartbeat: UInt64 = 0
    var nextRenewal: UInt64 = 0
    var nextDepth: UInt64 = 0
    var nextFollowing: UInt64 = 0
    var stopBy: UInt64?
    /// The queue couldn't be read: nothing is tried before.
    private var resumesAt: UInt64 = 0
    private var isLooking = false
    private var plannedLook: (atNanoseconds: UInt64, Scheduled<Void>)?
    private var drained: EventLoopPromise<Void>?
    private var listener: (any Channel)?

    /// How often it looks when nothing rings; covers a lost ring (docs/architecture.md).
    private static let pollNanoseconds: UInt64 = 50_000_000
    static let heartbeatNanoseconds: UInt64 = 1_000_000_000
    static let renewalNanoseconds: UInt64 = 5_000_000_000
    static let depthNanoseconds: UInt64 = 5_000_000_000
    /// After how long a look without records reads what is new in the registry: seldom under load, where each batch does, and after each receipt
    /// where there is little, so that the next record needn't wait for what is not in the caches any more.
    static let followingNanoseconds: UInt64 = 1_000_000
    private static let failureNanoseconds: UInt64 = 1_000_000_000
    /// After so many batches in a row the links' sockets have their turn: records without subscribers keep no worker busy, so that nothing else
    /// ends it.
    private static let turnsPerLook = 8
    /// Long enough for the event loop to look at its sockets in between, and no longer.
    private static let breatherNanoseconds: UInt64 = 5_000

    init(
        configuration: PublisherConfiguration,
        secret: LinkSecret?,
        tls: LinkTLS?,
        drivers: PublisherDrivers,
        eventLoop: any EventLoop,
        latency: PublisherLatency,
        presence: PublisherPresence,
        logger: Logger
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        queue = drivers.queue
        bell = drivers.bell
        registry = drivers.registry
        deadLetters = drivers.deadLetters
        renewal = PresenceRenewal(rows: drivers.registry.publishers)
        resolver = Resolver(index: drivers.registry)
        links = LinkPool(
            group: eventLoop,
            secret: secret,
            tls: tls,
            events: notices.events(on: eventLoop),
            logger: logger
        )
        self.latency = latency
        self.presence = presence
        self.logger = logger
        batches = BatchesInFlight(
            workers: configuration.workers,
            pushesSingly: drivers.queue.attributes.receiveMode == .push,
            retryMinimum: configuration.retryMinimum,
            retryMaximum: configuration.retryMaximum,
            limits: drivers.deadLetters == nil
                ? .none
                : AttemptLimits(
                    maximumAttempts: configuration.maximumAttempts,
                    maximumAgeNanoseconds: configuration.maximumRecordAge.wholeNanoseconds
                )
        )
        window = BatchWindow(
            maximumRecords: configuration.batchMaximumRecords,
            maximumBytes: configuration.batchMaximumBytes,
            windowNanoseconds: configuration.batchWindow.wholeNanoseconds
        )
    }

    /// Whether this publisher's row could be written the last time; then it is ready.
    enum RowPhase {
        case unwritten
        case written
    }

    // MARK: - From start to drain

    /// Waits for rings and receipts from now on; `drained` when a stop was asked for and everything has its receipt or was given back.
    func start(drained: EventLoopPromise<Void>) {
        self.drained = drained
        notices.onNotice = { [self] in look() }
        do { try listen() } catch { fail(error) }
    }

    private func listen() throws {
        try DoorbellHandler.listen(to: bell, on: eventLoop) { [self] in look() }
            .assumeIsolated().whenComplete { [self] result in
                switch result {
                case .success(let channel):
                    listener?.close(promise: nil)
                    listener = channel
                    look()
                case .failure(let error): fail(error)
                }
            }
    }

    /// Without its file the gateways can't ring the bell, and each record would wait for the poll.
    func restoreBell() throws {
        guard try bell.restore() else { return }
        logger.notice("the doorbell's socket was removed, and is made again")
        try listen()
    }

    /// Receives no more, and gives up what has no receipt at `deadline`, nanoseconds of `StageClock`.
    func stop(by deadline: UInt64) {
        guard stopBy == nil else { return }
        logger.info("draining: no more records are received")
        stopBy = deadline
        isLooking = true
        perform([.retry(window.removeBatch().map(\.handle), after: .zero)])
        perform(batches.giveBackParked())
        isLooking = false
        look()
    }

    private func fail(_ error: any Error) {
        close()
        drained?.fail(error)
        drained = nil
    }

    /// Does what there is to do, and plans the next look.
    func look() {
        // What a link says while it is given something is heard in the same look.
        guard !isLooking, listener != nil, drained != nil else { return }
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
                latency.failed()
                resumesAt = now &+ PublisherLoop.failureNanoseconds
            }
        }
        return StageClock.nowNanoseconds() &+ PublisherLoop.breatherNanoseconds
    }

    /// When to look again if nothing happens: at the poll, or when the batch's window or the drain's time is over.
    private func nextLook() -> UInt64 {
        let now = StageClock.nowNanoseconds()
        var next = now &+ PublisherLoop.pollNanoseconds
        if batches.hasIdleWorker, case .wait(let until) = window.decide(nowNanoseconds: now) { next = min(next, until) }
        if let stopBy { next = min(next, stopBy) }
        return next
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
        logger.info("drained")
        drained?.succeed()
        drained = nil
    }

    // MARK: - Drain

    private func hasDrained(by deadline: UInt64) -> Bool {
        if batches.isIdle, deadLettersOnTheirWay == 0 { return true }
        guard StageClock.nowNanoseconds() >= deadline else { return false }
        logger.warning("the drain's time is over: what has no receipt goes back to the queue")
        perform(batches.giveUp())
        return true
    }

    private func close() {
        do { try renewal.remove(presence.publisherID) } catch {
            logger.warning(
                "the registry keeps this publisher's row until its lease lapses",
                metadata: ["error": "\(error)"]
            )
        }
        do { try queue.close() } catch {
            logger.error("consumer state can't be closed", metadata: ["error": "\(error)"])
        }
        links.close()
        listener?.close(promise: nil)
        plannedLook?.1.cancel()
        notices.onNotice = {}
    }
}
