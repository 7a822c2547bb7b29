import DeliveryLink
import FanOut
import Logging
import Metrics
import NIOCore
import NIOPosix
import SluiceCore
import Testing

@testable import Gateway

@Suite("FanOut on several loops")
struct FanOutLoopsTests {
    @Test("answers each delivery once, when the last loop is done", arguments: [1, 2, 3])
    func answers(loops: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let log = LogModel()
        let services = WebSocketServices(
            configuration: WebSocketConfiguration(),
            payloadBytes: 1024,
            drainNanoseconds: 0,
            authorizer: AllowAllAuthorizer(),
            head: { topic in try log.head(of: topic) },
            history: log.reader,
            offload: { work, _ in work.run() },
            forget: { _ in },
            registry: RegistryModel().recorder,
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
        let fanOut = DeliveryFanOut(
            services: services,
            group: group,
            measures: DeliveryMeasures(GatewayMeasures(queue: .sqs)),
            logEnd: LogEnd(log.reader.lastSequence),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let (answered, continuation) = AsyncStream.makeStream(of: [Receipt].self)
        let eventLoop = group.next()
        let link = LinkReplies(eventLoop: eventLoop) { continuation.yield($0) }
        let deliveries = (UInt64(1)...3).map { number in
            let record = log.append(Topic(alreadyChecked: "a"))
            return Delivery(
                id: number,
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
        eventLoop.execute { fanOut.receive(deliveries, on: link) }
        var receipts: [Receipt] = []
        for await some in answered {
            receipts += some
            if receipts.count >= 3 { break }
        }
        #expect(receipts.map(\.deliveryID) == [1, 2, 3])
        #expect(receipts.allSatisfy { $0.isTaken && $0.sockets == 0 })
        try await group.shutdownGracefully()
    }
}
