import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import ChangeQueue
@testable import DeliveryLink
@testable import FanOut
@testable import Gateway
@testable import SluiceCore

/// A gateway's WebSockets on one embedded loop, all subscribed to one topic.
///
/// It uses them as the upgrade and the link do, so that it says nothing about how the loop writes.
final class SubscribedLoop {
    private let eventLoop = EmbeddedEventLoop()
    private let fanOut: DeliveryFanOut
    private let link: LinkReplies
    private let topic = Samples.topic(1)
    private var outputs: [DiscardedOutput] = []
    private var channels: [EmbeddedChannel] = []
    private var sequence: UInt64 = 0
    private var read: [[Delivery]] = []
    private var decoded: [[FanOutDelivery]] = []

    init(connections: Int) throws {
        let measures = GatewayMeasures(queue: .sqs)
        fanOut = DeliveryFanOut(
            services: SubscribedLoop.services(measures),
            group: eventLoop,
            measures: DeliveryMeasures(measures),
            logEnd: LogEnd { SequenceNumber(.max) },
            logger: Logger(label: "micro")
        )
        link = LinkReplies(eventLoop: eventLoop) { receipts in MeasuredSection.keep(receipts) }
        eventLoop.run()
        let upgrade = WebSocketUpgrade(services: fanOut.services, loops: fanOut.loops)
        for _ in 0..<connections { try connect(upgrade) }
        eventLoop.run()
        try check()
    }

    /// Makes so many deliveries of the topic's next records, each as one read brings it.
    func prepare(deliveries count: Int, records: Int) throws {
        read = (0..<count).map { _ in
            let delivered = (0..<records).map { _ in
                sequence += 1
                let bytes = ByteBuffer(bytes: EncodedRecord(Samples.record(sequence, topic: topic)).bytes)
                return DeliveredRecord(encoded: bytes, receivedAtNanoseconds: 2, resolvedAtNanoseconds: 3)
            }
            return [Delivery(id: sequence, records: delivered, sentAtNanoseconds: 4, takenAtNanoseconds: 5)]
        }
        decoded = try read.map { deliveries in try deliveries.map { try FanOutDelivery($0) } }
    }

    /// The loop's part of what was prepared.
    func deliver() {
        guard let loop = fanOut.loops[eventLoop] else { return }
        for deliveries in decoded { loop.subscribers.rounds.deliver(deliveries) { MeasuredSection.keep($0) } }
    }

    /// All of it: decode, deliver, answer, note the times.
    func receive() {
        for deliveries in read { fanOut.receive(deliveries, on: link) }
    }

    private func connect(_ upgrade: WebSocketUpgrade) throws {
        let output = DiscardedOutput()
        let channel = EmbeddedChannel(handler: output, loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws?topic=\(topic.name)")
        _ = try upgrade.accept(head, from: .unknown, on: channel).wait()
        try upgrade.install(head, on: channel, PlainPipeline()).wait()
        outputs.append(output)
        channels.append(channel)
    }

    /// Checks that everybody gets events.
    private func check() throws {
        let before = outputs.map(\.byteCount)
        try prepare(deliveries: 1, records: 1)
        deliver()
        for (output, bytes) in zip(outputs, before) where output.byteCount < bytes + Samples.payload.count {
            throw SubscriberWithoutEvents()
        }
    }

    /// No log and an obliging registry; the counters are the real ones.
    private static func services(_ measures: GatewayMeasures) -> WebSocketServices {
        var configuration = WebSocketConfiguration()
        // A whole round at once: nobody turns the loop in between.
        configuration.visitsPerTurn = 1_000_000
        return WebSocketServices(
            configuration: configuration,
            payloadBytes: Limits.payloadBytes,
            drainNanoseconds: 0,
            authorizer: AllowAllAuthorizer(),
            head: { _ in .none },
            history: HistoryReader(
                advance: { walks in for position in walks.indices { walks[position].missing() } },
                record: { _ in nil },
                lastSequence: { .none },
                epochs: LogEpochs([])
            ),
            offload: { work, _ in work.run() },
            forget: { _ in },
            registry: ConnectionRecorder(
                connected: { _, _, _ in },
                subscribe: { _, _, then in then(.success(())) },
                unsubscribe: { _, _ in },
                disconnected: { _ in }
            ),
            bridge: { eventLoop in AppendBridge(eventLoop: eventLoop) { _, _ in } },
            committed: { _, _ in },
            unfinished: ByteBudget(
                "unfinished",
                maximumBytes: .max,
                metrics: measures.metrics,
                logger: Logger(label: "benchmark")
            ),
            isDraining: { false },
            counters: WebSocketCounters(factory: measures.metrics),
            compression: .unmeasured(),
            now: { StageClock.nowNanoseconds() }
        )
    }
}
