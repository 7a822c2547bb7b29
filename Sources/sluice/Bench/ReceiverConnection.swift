import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import SluiceCore

/// Opens the WebSockets.
struct ReceiverConnection: Sendable {
    let plan: BenchPlan
    let eventLoop: any EventLoop

    private static let timeout = TimeAmount.seconds(10)

    /// Opens one WebSocket that subscribes in its URL.
    /// - Returns: when it is upgraded; fails with a ``CommandError`` that says what to do.
    func open(_ index: Int, for runner: NIOLoopBound<BenchRunner>) -> EventLoopFuture<Void> {
        let plan = plan
        let upgraded = eventLoop.makePromise(of: Void.self)
        // Whoever accepts and says nothing is no gateway.
        let deadline = eventLoop.scheduleTask(in: ReceiverConnection.timeout) {
            upgraded.fail(
                CommandError(.unavailable, "\(plan.target.address) doesn't answer to an upgrade within 10 s.")
            )
        }
        let request = request(for: index)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(ReceiverConnection.timeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ReceiverConnection.configure(channel, request, upgraded) { channel in
                        try channel.pipeline.syncOperations.addHandlers(
                            NIOWebSocketFrameAggregator(
                                minNonFinalFragmentSize: 0,
                                maxAccumulatedFrameCount: 1_024,
                                maxAccumulatedFrameSize: BenchReceiver.maximumMessageBytes
                            ),
                            BenchReceiver(index, of: runner.value)
                        )
                    }
                    .whenFailure { upgraded.fail(BenchFault.cannotConnect(plan.target, $0)) }
                }
            }
            .connect(host: plan.target.host, port: plan.target.port)
            .whenFailure { upgraded.fail(BenchFault.cannotConnect(plan.target, $0)) }
        return upgraded.futureResult.always { _ in deadline.cancel() }
    }

    private static func configure(
        _ channel: any Channel,
        _ request: HTTPRequestHead,
        _ upgraded: EventLoopPromise<Void>,
        _ install: @escaping @Sendable (any Channel) throws -> Void
    ) throws -> EventLoopFuture<Void> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Void>(
            maxFrameSize: BenchReceiver.maximumMessageBytes,
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try install(channel)
                    upgraded.succeed()
                }
            }
        )
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration<Void>(
                upgradeRequestHead: request,
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(RefusalReader(upgraded))
                    }
                }
            )
        )
        // The first messages may come in one piece with the 101.
        pipeline.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
    }

    private func request(for index: Int) -> HTTPRequestHead {
        var fields = HTTPHeaders([("Host", plan.target.authority), ("Sec-WebSocket-Protocol", "sluice.v1")])
        if let token = plan.token { fields.add(name: "Authorization", value: "Bearer \(token)") }
        let topic = BenchPath.encoded(plan.topics[plan.topic(ofReceiver: index)].name)
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws?topic=\(topic)", headers: fields)
    }
}
