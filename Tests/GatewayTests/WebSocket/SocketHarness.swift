import ChangeQueue
import DeliveryLink
import FanOut
import Glibc
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import SluiceCore
import Synchronization

@testable import Gateway

/// A gateway's WebSockets on event loops of their own, with clients at the other ends of real sockets.
///
/// The test waits for loops and sockets on its own thread; see ``OwnThread``.
final class SocketHarness: Sendable {
    let group: MultiThreadedEventLoopGroup
    let log = LogModel()
    let fanOut: DeliveryFanOut
    private let upgrade: WebSocketUpgrade
    private let receipts = Mutex<[Receipt]>([])
    private let deliveries = Atomic<UInt64>(0)

    init(loops: Int = 1, configure: (inout WebSocketConfiguration) -> Void = { _ in }) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var configuration = WebSocketConfiguration()
        configure(&configuration)
        let log = log
        let services = WebSocketServices(
            configuration: configuration,
            payloadBytes: 1 << 20,
            drainNanoseconds: 0,
            authorizer: AllowAllAuthorizer(),
            head: { topic in try log.head(of: topic) },
            history: log.reader,
            offload: { work, _ in NIOThreadPool.singleton.submit { _ in work.run() } },
            forget: { _ in },
            registry: ConnectionRecorder(
                connected: { _, _, _ in },
                subscribe: { _, _, then in then(.success(())) },
                unsubscribe: { _, _ in },
                disconnected: { _ in }
            ),
            bridge: { eventLoop in
                AppendBridge(eventLoop: eventLoop) { requests, client in log.submit(requests, client) }
            },
            committed: { _, _ in },
            unfinished: .silent(),
            isDraining: { false },
            counters: WebSocketCounters(factory: NOOPMetricsHandler.instance),
            compression: .unmeasured(),
            now: { StageClock.nowNanoseconds() }
        )
        fanOut = DeliveryFanOut(
            services: services,
            group: group,
            measures: DeliveryMeasures(GatewayMeasures(queue: .sqs)),
            logEnd: LogEnd(log.reader.lastSequence),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        upgrade = WebSocketUpgrade(services: services, loops: fanOut.loops)
    }

    /// Runs a test on a thread of its own and ends the loops behind it.
    static func run(
        loops: Int = 1,
        configure: (inout WebSocketConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (SocketHarness) throws -> Void
    ) async throws {
        let harness = SocketHarness(loops: loops, configure: configure)
        try await OwnThread.run { try body(harness) }
        try await harness.group.shutdownGracefully()
    }

    /// Connects a client that is subscribed to topics; `sendBuffer`: what the gateway's socket holds, bytes.
    ///
    /// `plain`: nil for a pipeline in which something changes bytes.
    func connect(
        _ uri: String,
        sendBuffer: CInt? = nil,
        on eventLoop: (any EventLoop)? = nil,
        plain: PlainPipeline? = PlainPipeline()
    ) throws -> SocketClient {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        if var sendBuffer {
            setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &sendBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        let tap = ChannelTap()
        let channel = try ClientBootstrap(group: eventLoop ?? group.next())
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(tap) }
            }
            .withConnectedSocket(ends[0]).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
        try channel.eventLoop.flatSubmit { [upgrade] in
            upgrade.accept(head, from: ConnectionPeer(address: .unknown, certificate: nil), on: channel)
                .flatMap { _ in upgrade.install(head, on: channel, plain) }
        }.wait()
        let client = SocketClient(descriptor: ends[1], channel: channel, tap: tap)
        let greeting = try client.texts(uri.contains("topic=") ? 2 : 1)
        guard greeting.last?.contains(uri.contains("topic=") ? "subscribed" : "connected") == true else {
            throw APIError(.internalError, "greeted with \(greeting)")
        }
        return client
    }

    /// Delivers records on the first loop, as its publisher's link does, and waits until the loop has taken them.
    func deliver(_ records: [ChangeRecord]) throws {
        let some = records.map { record in
            Delivery(
                id: deliveries.wrappingAdd(1, ordering: .relaxed).newValue,
                records: [
                    DeliveredRecord(
                        encoded: EncodedRecord(record).bytes,
                        receivedAtNanoseconds: 0,
                        resolvedAtNanoseconds: 0
                    )
                ],
                sentAtNanoseconds: 0
            )
        }
        let eventLoop = fanOut.loops.eventLoops[0]
        let link = LinkReplies(eventLoop: eventLoop) { [self] sent in receipts.withLock { $0 += sent } }
        try eventLoop.submit { [fanOut] in fanOut.receive(some, on: link) }.wait()
    }

    /// Appends records of `count` bytes and delivers each by itself.
    func publish(_ topic: Topic, _ times: Int, bytes count: Int = 2) throws {
        for _ in 0..<times {
            try deliver([log.append(topic, "\"\(String(repeating: "x", count: max(0, count - 2)))\"")])
        }
    }

    /// Waits until every delivery is answered.
    func allReceipts() -> [Receipt] {
        while true {
            let all = receipts.withLock { $0 }
            if UInt64(all.count) >= deliveries.load(ordering: .relaxed) { return all }
            sched_yield()
        }
    }

    /// Runs something on a loop.
    func on<Value: Sendable>(
        _ eventLoop: any EventLoop,
        _ body: @escaping @Sendable (WebSocketLoop) throws -> Value
    ) throws -> Value {
        try eventLoop.submit { [fanOut] in
            guard let loop = fanOut.loops[eventLoop] else { throw ChannelError.inappropriateOperationForState }
            return try body(loop)
        }.wait()
    }

    /// Waits until something is so on a loop.
    func wait(_ eventLoop: any EventLoop, until isSo: @escaping @Sendable (WebSocketLoop) -> Bool) throws {
        while try !on(eventLoop, isSo) { sched_yield() }
    }
}

/// Counts what goes through a channel, thus not past it.
final class ChannelTap: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ByteBuffer
    private let count = Atomic<Int>(0)

    /// Bytes so far.
    var byteCount: Int { count.load(ordering: .relaxed) }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        count.wrappingAdd(unwrapOutboundIn(data).readableBytes, ordering: .relaxed)
        context.write(data, promise: promise)
    }
}
