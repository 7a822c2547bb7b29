import ChangeQueue
import DeliveryLink
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore

@testable import Gateway

/// A gateway's WebSockets on one embedded loop, all subscribed to one topic.
///
/// It uses them as the upgrade and the link do, so that it says nothing about how the loop writes.
final class SubscribedLoop {
    private let eventLoop = EmbeddedEventLoop()
    private let loops: LoopDirectory
    private let topic = Samples.topic(1)
    private var channels: [EmbeddedChannel] = []
    private var sequence: UInt64 = 0
    private var deliveries: [[DecodedDelivery]] = []

    init(connections: Int) throws {
        let services = SubscribedLoop.services(measures: GatewayMeasures(queue: .sqs))
        loops = LoopDirectory(services: services, group: eventLoop)
        let upgrade = WebSocketUpgrade(services: services, loops: loops)
        eventLoop.run()
        for _ in 0..<connections { channels.append(try connect(upgrade)) }
        eventLoop.run()
        try drain()
    }

    /// Decodes so many deliveries of the topic's next records.
    func prepare(deliveries count: Int, records: Int) throws {
        deliveries = try (0..<count).map { _ in
            let delivered = (0..<records).map { _ in
                sequence += 1
                let encoded = EncodedRecord(Samples.record(sequence, topic: topic))
                return DeliveredRecord(encoded: encoded.bytes, receivedAtNanoseconds: 2, resolvedAtNanoseconds: 3)
            }
            return [try DecodedDelivery(Delivery(id: sequence, records: delivered, sentAtNanoseconds: 4))]
        }
    }

    /// Delivers them.
    func deliver() {
        guard let loop = loops[eventLoop] else { return }
        for one in deliveries { MeasuredSection.keep(loop.deliver(one)) }
    }

    /// Takes out what was written.
    func drain() throws {
        for channel in channels {
            while try channel.readOutbound(as: ByteBuffer.self) != nil {}
        }
    }

    private func connect(_ upgrade: WebSocketUpgrade) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws?topic=\(topic.name)")
        _ = try upgrade.accept(head, on: channel).wait()
        try upgrade.install(head, on: channel).wait()
        return channel
    }

    /// No log and an obliging registry; the counters are the real ones.
    private static func services(measures: GatewayMeasures) -> WebSocketServices {
        WebSocketServices(
            configuration: WebSocketConfiguration(),
            payloadBytes: Limits.payloadBytes,
            drainNanoseconds: 0,
            authorizer: AllowAllAuthorizer(),
            head: { _ in .none },
            history: HistoryReader(
                walk: { _, _, _, _ in TopicHistory(sequences: [], gap: nil) },
                record: { _ in nil },
                lastSequence: { .none }
            ),
            offload: { work in work() },
            registry: ConnectionRecorder(
                connected: { _, _, _ in },
                subscribe: { _, _, then in then(.success(())) },
                unsubscribe: { _, _ in },
                disconnected: { _ in }
            ),
            bridge: { eventLoop in AppendBridge(eventLoop: eventLoop) { _, _ in } },
            committed: { _, _ in },
            isDraining: { false },
            counters: WebSocketCounters(factory: measures.metrics),
            now: { StageClock.nowNanoseconds() }
        )
    }
}
