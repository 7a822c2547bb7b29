import ChangeQueue
import DeliveryLink
import Logging
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import Synchronization
import TestSupport

@testable import FanOut
@testable import Gateway

/// A gateway's WebSockets on one embedded loop: the test plays clients, log, registry and publishers.
final class WebSocketHarness {
    let eventLoop = EmbeddedEventLoop()
    let log = LogModel()
    let registry = RegistryModel()
    let clock = HandClock()
    let fanOut: DeliveryFanOut
    let upgrade: WebSocketUpgrade
    private let receipts = ReceiptBox()
    private let link: LinkReplies
    /// Deliveries so far: the number of the last.
    private(set) var deliveries: UInt64 = 0

    final class ReceiptBox: Sendable {
        let receipts = Mutex<[Receipt]>([])
        let errors = Mutex<[LinkError]>([])
    }

    private let lines = LineCapture()

    final class WorkBox: Sendable {
        let queue = Mutex(HistoryQueue<HistoryWork>())
    }

    private let offloaded = WorkBox()
    private let executor = HandExecutor()

    init(
        authorizer: any Authorizer = AllowAllAuthorizer(),
        drainNanoseconds: UInt64 = 0,
        unfinished: ByteBudget = .silent(),
        configure: (inout WebSocketConfiguration) -> Void = { _ in }
    ) {
        var configuration = WebSocketConfiguration()
        configuration.isEchoEnabled = true
        configuration.visitsPerTurn = 128
        configure(&configuration)
        let log = log
        let clock = clock
        let offloaded = offloaded
        let executor = executor
        let services = WebSocketServices(
            configuration: configuration,
            payloadBytes: 1024,
            drainNanoseconds: drainNanoseconds,
            authorizer: authorizer,
            head: { topic in try log.head(of: topic) },
            history: log.reader,
            offload: { work, asker in offloaded.queue.withLock { $0.add(work, for: asker) } },
            forget: { asker in
                for work in offloaded.queue.withLock({ $0.leave(asker) }) { work.drop() }
            },
            runTask: { work in Task(executorPreference: executor) { await work() } },
            registry: registry.recorder,
            bridge: { eventLoop in
                AppendBridge(eventLoop: eventLoop) { requests, client in log.submit(requests, client) }
            },
            committed: { _, _ in },
            unfinished: unfinished,
            isDraining: { false },
            counters: WebSocketCounters(factory: NOOPMetricsHandler.instance),
            compression: .unmeasured(),
            now: { clock.now }
        )
        fanOut = DeliveryFanOut(
            services: services,
            group: eventLoop,
            measures: DeliveryMeasures(GatewayMeasures(queue: .sqs)),
            logEnd: LogEnd(log.reader.lastSequence),
            logger: Logger(label: "test") { [lines] _ in lines }
        )
        upgrade = WebSocketUpgrade(services: services, loops: fanOut.loops)
        let receipts = receipts
        link = LinkReplies(eventLoop: eventLoop) { sent in
            receipts.receipts.withLock { $0 += sent }
        } refuse: { error in
            receipts.errors.withLock { $0.append(error) }
        }
        eventLoop.run()
    }

    var loop: WebSocketLoop? { fanOut.loops[eventLoop] }

    /// Connects a client, as far as the gateway accepts it.
    func connect(_ uri: String = "/ws", fields: [(String, String)] = []) throws -> WebSocketClient {
        let channel = EmbeddedChannel(handler: OutputCloses(), loop: eventLoop)
        channel.allowOptionsWhenClosed = true
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: HTTPHeaders(fields))
        let accepted = upgrade.accept(head, from: ConnectionPeer(address: .unknown, certificate: nil), on: channel)
        eventLoop.run()
        let headers = try accepted.wait()
        try upgrade.install(head, on: channel, PlainPipeline()).wait()
        return WebSocketClient(channel: channel, harness: self, headers: headers)
    }

    /// Only accepts a client.
    func accept(_ uri: String) throws {
        let channel = EmbeddedChannel(loop: eventLoop)
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
        _ = try upgrade.accept(head, from: ConnectionPeer(address: .unknown, certificate: nil), on: channel).wait()
    }

    /// As ``connect(_:fields:)``, where the authorizer answers from a task.
    func connectAsynchronously(_ uri: String = "/ws") throws -> WebSocketClient {
        let channel = EmbeddedChannel(handler: OutputCloses(), loop: eventLoop)
        channel.allowOptionsWhenClosed = true
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
        var result: Result<HTTPHeaders, any Error>?
        upgrade.accept(head, from: ConnectionPeer(address: .unknown, certificate: nil), on: channel).assumeIsolated()
            .whenComplete { result = $0 }
        runTasks()
        let headers = try result?.get() ?? [:]
        try upgrade.install(head, on: channel, PlainPipeline()).wait()
        return WebSocketClient(channel: channel, harness: self, headers: headers)
    }

    /// Runs the tasks that wait, and turns the loop.
    func runTasks() {
        executor.run()
        eventLoop.run()
    }

    /// Connects a client that subscribes by its URL, and commits the subscription.
    func connectSubscribed(to topics: String...) throws -> WebSocketClient {
        let client = try connect("/ws?" + topics.map { "topic=\($0)" }.joined(separator: "&"))
        commitRegistry()
        _ = client.read()
        return client
    }

    func commitRegistry(failing error: APIError? = nil) {
        registry.commit(failing: error)
        eventLoop.run()
    }

    func commitLog(refusing error: ChangeQueueError? = nil) {
        log.commit(refusing: error)
        eventLoop.run()
    }

    /// Runs one round of what was handed to other threads, one piece for each connection; false when there was nothing.
    @discardableResult
    func runOffloaded() -> Bool {
        let begun = offloaded.queue.withLock { queue in
            var begun: [(asker: HistoryAsker, work: HistoryWork)] = []
            while let next = queue.next() { begun.append(next) }
            return begun
        }
        for one in begun {
            one.work.run()
            offloaded.queue.withLock { $0.finished(one.asker) }
        }
        eventLoop.run()
        return !begun.isEmpty
    }

    /// History work that waits.
    var waitingCount: Int { offloaded.queue.withLock { $0.waitingCount } }

    /// Runs what was handed to other threads until nothing is left.
    func settle() { while runOffloaded() {} }

    /// A publisher delivers records, each in a delivery of its own.
    @discardableResult
    func deliver(_ records: ChangeRecord...) -> [Receipt] {
        deliver(records)
    }

    @discardableResult
    func deliver(_ records: [ChangeRecord]) -> [Receipt] {
        let deliveries = records.map { record in
            self.deliveries += 1
            let encoded = DeliveredRecord(
                encoded: EncodedRecord(record).bytes,
                receivedAtNanoseconds: 2,
                resolvedAtNanoseconds: 3
            )
            return Delivery(
                id: self.deliveries,
                records: [encoded],
                sentAtNanoseconds: 4,
                takenAtNanoseconds: 5
            )
        }
        return receive(deliveries)
    }

    func receive(_ deliveries: [Delivery]) -> [Receipt] {
        fanOut.receive(deliveries, on: link)
        eventLoop.run()
        return takeReceipts()
    }

    /// Why the link was ended.
    var linkErrors: [LinkError] { receipts.errors.withLock { $0 } }

    /// What was logged.
    var logLines: [String] { lines.lines.withLock { $0 } }

    /// The receipts since the last call.
    func takeReceipts() -> [Receipt] {
        receipts.receipts.withLock { receipts in
            defer { receipts = [] }
            return receipts
        }
    }

    /// Lets the sweeps that are on their way take one more turn.
    @discardableResult
    func turnSweeps() -> [Receipt] {
        eventLoop.advanceTime(by: .microseconds(5))
        return takeReceipts()
    }

    /// Lets the sweeps come to their end, those that rest too.
    @discardableResult
    func finishSweeps() -> [Receipt] {
        eventLoop.advanceTime(by: .milliseconds(100))
        return takeReceipts()
    }

    /// Moves the clock and sweeps, half a second at a time.
    func advance(seconds: Double) {
        for _ in 0..<Int(seconds * 2) {
            clock.advance(500_000_000)
            loop?.subscribers.tickNow()
        }
        eventLoop.run()
    }
}
