import NIOCore
import SluiceCore

/// The WebSockets of one event loop: their table, their subscriptions, and the work that concerns more than one of them.
///
/// Bound to the loop; other threads reach it through its ``LoopInbox``.
///
/// It decides nothing about the protocol (``ClientSession``, ``MessageAssembler``) and nothing about order
/// (``LoopSubscriptions``, ``CatchUp``): it asks those values and performs what they answer.
final class WebSocketLoop {
    let eventLoop: any EventLoop
    let services: WebSocketServices
    let bridge: AppendBridge
    let inbox: LoopInbox
    var connections = ConnectionTable()
    var index = LoopSubscriptions()
    var sweeps = LoopSweeps()
    var areSweepsPlanned = false
    var subscribes: [UInt64: PendingSubscribe] = [:]
    var authorizations: [UInt64: PendingAuthorization] = [:]
    var catchUps: [UInt64: CatchUp] = [:]
    /// Grants of upgrades that are accepted and not installed yet, by channel.
    var accepted: [ObjectIdentifier: AcceptedUpgrade] = [:]
    private var nextToken: UInt64 = 0
    private var dirty: [WebSocketConnectionHandler] = []
    private var flushing: [WebSocketConnectionHandler] = []
    private var isFlushing = false
    private var isFlushPlanned = false
    private var isDraining = false
    private var sweep: Scheduled<Void>?

    /// Time between two sweeps: keep-alive is judged with this precision.
    private static let sweepInterval = TimeAmount.milliseconds(500)
    /// The same while the gateway drains, so that the closes spread evenly.
    private static let drainSweepInterval = TimeAmount.milliseconds(20)
    /// Upgrades that never came to an end are forgotten after this time, nanoseconds.
    private static let acceptedNanoseconds: UInt64 = 30_000_000_000

    init(eventLoop: any EventLoop, services: WebSocketServices) {
        self.eventLoop = eventLoop
        self.services = services
        bridge = services.bridge(eventLoop)
        inbox = LoopInbox(eventLoop: eventLoop)
    }

    /// Begins its work; the first thing that is called on the loop.
    func start() {
        inbox.connect(self)
        planSweep()
    }

    /// A number for something that is under way.
    func makeToken() -> UInt64 {
        nextToken += 1
        return nextToken
    }

    // MARK: - Connections

    /// Takes a connection in and gives it its place.
    func add(_ handler: WebSocketConnectionHandler) -> Int {
        services.counters.connectionOpened()
        return connections.add(handler)
    }

    /// A connection is gone, with everything that it had.
    func remove(_ handler: WebSocketConnectionHandler) {
        guard connections[ConnectionKey(slot: handler.slot, id: handler.id)] === handler else { return }
        index.removeAll(of: handler.slot)
        connections.remove(handler.slot)
        services.forget(handler.asker)
        services.counters.connectionClosed()
        if handler.isRecorded { services.registry.disconnected(handler.id) }
    }

    /// A connection closes: it gets no more events, though its place stays until the channel is closed.
    func detach(_ handler: WebSocketConnectionHandler) {
        index.removeAll(of: handler.slot)
        services.forget(handler.asker)
    }

    // MARK: - Flushing

    /// Notes that a connection has something to flush.
    func note(dirty handler: WebSocketConnectionHandler) { dirty.append(handler) }

    /// Flushes every connection that was written to, each once.
    ///
    /// Called at the end of whatever the loop was called for.
    func flushDirty() {
        // A flush may break a connection, whose end calls this again: the outer call does it all.
        guard !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        while !dirty.isEmpty {
            // The two lists take turns, so that neither is allocated anew.
            swap(&dirty, &flushing)
            for handler in flushing { handler.flushNow() }
            flushing.removeAll(keepingCapacity: true)
        }
    }

    /// Flushes at the end of the turn, for writes in calls that this loop can't see the end of.
    func flushLater() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        eventLoop.assumeIsolated().execute {
            self.isFlushPlanned = false
            self.flushDirty()
        }
    }

    // MARK: - What other threads have done

    /// Takes what has come.
    func take(_ messages: [LoopMessage]) {
        for message in messages {
            switch message {
            case .registered(let token, let result): registered(token, result)
            case .authorized(let token, let result): authorized(token, result)
            case .walked(let token, let result): walked(token, result)
            case .caughtUp(let token, let head, let result): caughtUp(token, head, result)
            case .piece(let token, let result): send(token, result)
            case .dropped(let token): dropped(token)
            }
        }
        flushDirty()
    }

    // MARK: - Sweeping

    /// From now on sweeps are frequent.
    func drain() {
        guard !isDraining else { return }
        isDraining = true
        sweep?.cancel()
        planSweep()
    }

    /// One sweep over all connections: pings, time-outs, ends of tokens, the drain.
    func sweepNow() {
        let now = services.now()
        for handler in connections.all { handler.sweep(now: now) }
        if !accepted.isEmpty {
            accepted = accepted.filter { now < $0.value.acceptedAtNanoseconds &+ WebSocketLoop.acceptedNanoseconds }
        }
        flushDirty()
    }

    private func planSweep() {
        let interval = isDraining ? WebSocketLoop.drainSweepInterval : WebSocketLoop.sweepInterval
        sweep = eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.sweepNow()
            self.planSweep()
        }
    }
}
