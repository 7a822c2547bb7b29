import ChangeQueue
import Deflate
import FanOut
import NIOCore
import SluiceCore
import StageLatency
import SubscriptionRegistry

/// What the WebSockets of a gateway need of its other parts.
///
/// Narrower than ``GatewayContext``, so that tests need no log and no registry.
struct WebSocketServices: Sendable {
    /// Limits and time-outs.
    var configuration: WebSocketConfiguration
    /// Largest payload of one record, bytes.
    var payloadBytes: Int
    /// Over how long the closing of connections is spread when the gateway drains, nanoseconds.
    var drainNanoseconds: UInt64
    /// Decides who may connect, subscribe and publish.
    var authorizer: any Authorizer
    /// A topic's newest committed record.
    var head: @Sendable (Topic) throws -> SequenceNumber
    /// Reads histories.
    var history: HistoryReader
    /// Reads history for a connection when its turn comes, away from the event loops.
    var offload: @Sendable (HistoryWork, HistoryAsker) -> Void
    /// Gives up what was to be read for a connection.
    var forget: @Sendable (HistoryAsker) -> Void
    /// Runs work that waits for others, such as an authorizer's back end; a task, outside tests.
    var runTask: @Sendable (@escaping @Sendable () async -> Void) -> Void = { work in Task { await work() } }
    /// The registry.
    var registry: ConnectionRecorder
    /// The way to the log from an event loop.
    var bridge: @Sendable (any EventLoop) -> AppendBridge
    /// Called for each append that was committed: accepted, the records.
    var committed: @Sendable (_ acceptedAtNanoseconds: UInt64, _ records: [AppendedRecord]) -> Void
    /// What all connections together may hold of messages that aren't complete.
    var unfinished: ByteBudget
    /// What each of them may do; nil: whatever it likes.
    var limiter: ClientLimiter?
    /// Whether the gateway is draining.
    var isDraining: @Sendable () -> Bool
    /// What is counted.
    var counters: WebSocketCounters
    /// Which events are compressed.
    var compression: EventCompression
    /// Tells of connects, subscribes, publishes and of what is refused.
    var accessLog = AccessLog.off
    /// `StageClock`'s monotonic time, outside tests.
    var now: @Sendable () -> UInt64
}

extension WebSocketServices {
    /// What the fan-out needs of them.
    var fanOut: FanOutServices {
        FanOutServices(
            limits: FanOutLimits(
                subscriptionsPerSubscriber: configuration.subscriptionsPerConnection,
                resumeRecords: configuration.resumeRecords,
                resumePieceBytes: configuration.resumeSliceBytes,
                visitsPerTurn: configuration.visitsPerTurn,
                holeRecords: configuration.holeRecords,
                holeBytes: configuration.holeBytes
            ),
            formats: EventFormats.all(compression),
            head: head,
            history: history,
            offload: offload,
            forget: forget,
            subscribe: registry.subscribe,
            unsubscribe: registry.unsubscribe,
            measures: counters,
            now: now
        )
    }

    /// Counts a client that becomes a member of the fan-out.
    /// - Returns: what is called when it is none any more.
    /// - Throws: `TooManyConnections`.
    func join(
        _ grant: Grant,
        from client: ClientAddress,
        on channel: any Channel
    ) throws(APIError) -> ClientLimiter.Leave {
        guard let limiter else { return {} }
        return try limiter.join(grant, from: client, on: channel)
    }

    /// A token's end on the clock that doesn't jump.
    func monotonic(_ wallNanoseconds: UInt64?) -> UInt64? {
        guard let wallNanoseconds else { return nil }
        let wall = StageClock.wallNanoseconds()
        return now() &+ (wallNanoseconds > wall ? wallNanoseconds - wall : 0)
    }

    /// The services of a running gateway.
    init(_ context: GatewayContext) {
        let reader = context.reader
        let registry = context.registry
        let measures = context.measures
        self.init(
            configuration: context.configuration.webSocket,
            payloadBytes: context.configuration.http.payloadBytes,
            drainNanoseconds: UInt64(clamping: TimeAmount(context.configuration.drainWindow).nanoseconds),
            authorizer: context.authorizer,
            head: { topic in try reader.head(of: topic) },
            history: HistoryReader(
                advance: { walks in try reader.advance(&walks) },
                record: { sequence in try reader.record(at: sequence) },
                lastSequence: { try reader.lastSequence() },
                epochs: reader.epochs
            ),
            offload: { work, asker in context.history.submit(work, for: asker) },
            forget: { asker in context.history.leave(asker) },
            registry: ConnectionRecorder(registry),
            bridge: { eventLoop in context.bridge(on: eventLoop) },
            committed: { accepted, records in
                measures.committed(acceptedAtNanoseconds: accepted, records.last)
            },
            unfinished: context.budgets.unfinished,
            limiter: context.limiter,
            isDraining: { context.drain.isDraining },
            counters: WebSocketCounters(factory: context.measures.metrics),
            compression: EventCompression(
                minimumBytes: context.configuration.webSocket.compression.minimumBytes,
                factory: context.measures.metrics
            ),
            accessLog: context.accessLog,
            now: { StageClock.nowNanoseconds() }
        )
    }
}

/// The registry as connections use it.
struct ConnectionRecorder: Sendable {
    /// A client has connected.
    var connected: @Sendable (_ id: ConnectionID, _ principal: String?, _ remoteAddress: String) -> Void
    /// It subscribes; `then` is called after the commit, on any thread.
    var subscribe:
        @Sendable (_ id: ConnectionID, _ topics: [Topic], _ then: @escaping @Sendable (Result<Void, any Error>) -> Void)
            -> Void
    /// It unsubscribes.
    var unsubscribe: @Sendable (_ id: ConnectionID, _ topics: [Topic]) -> Void
    /// It is gone.
    var disconnected: @Sendable (_ id: ConnectionID) -> Void
}

extension ConnectionRecorder {
    /// Records in the gateway's registry.
    init(_ registry: any SubscriptionDirectory) {
        self.init(
            connected: { registry.connected($0, principal: $1, remoteAddress: $2) },
            subscribe: { id, topics, then in
                registry.subscribe(id, topics: topics) { result in then(result.mapError { $0 }) }
            },
            unsubscribe: { registry.unsubscribe($0, topics: $1) },
            disconnected: { registry.disconnected($0) }
        )
    }
}

/// The WebSockets of each event loop, found by the loop.
struct LoopDirectory: Sendable {
    private let boxes: [ObjectIdentifier: NIOLoopBoundBox<WebSocketLoop>]
    /// The loops, in a fixed order.
    let eventLoops: [any EventLoop]

    /// Makes and starts one for each loop of a group.
    init(services: WebSocketServices, group: any EventLoopGroup) {
        var boxes: [ObjectIdentifier: NIOLoopBoundBox<WebSocketLoop>] = [:]
        var eventLoops: [any EventLoop] = []
        for eventLoop in group.makeIterator() {
            let box = NIOLoopBoundBox.makeBoxSendingValue(
                WebSocketLoop(eventLoop: eventLoop, services: services),
                eventLoop: eventLoop
            )
            // Before any connection: the loop does its tasks in order.
            eventLoop.execute { box.value.subscribers.start() }
            boxes[ObjectIdentifier(eventLoop)] = box
            eventLoops.append(eventLoop)
        }
        self.boxes = boxes
        self.eventLoops = eventLoops
    }

    /// The WebSockets of a loop, on that loop only; nil for a loop of another group.
    subscript(eventLoop: any EventLoop) -> WebSocketLoop? { boxes[ObjectIdentifier(eventLoop)]?.value }
}
