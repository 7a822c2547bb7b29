import NIOCore
import NIOHTTP1
import NIOPosix
import SluiceCore

/// The HTTP connections of the publishes, and the messages that wait for one of them.
///
/// Bound to the runner's loop.
final class PublishPool {
    private let plan: BenchPlan
    private let eventLoop: any EventLoop
    private weak var runner: BenchRunner?
    private let heads: [HTTPRequestHead]
    private var idle: [PublishConnection] = []
    private var waiting = CircularBuffer<BenchMessage>()
    private var isClosing = false

    /// How long to wait before a connection that ended or wasn't accepted is opened again.
    private static let reconnectDelay = TimeAmount.milliseconds(200)

    init(_ plan: BenchPlan, _ eventLoop: any EventLoop, _ runner: BenchRunner) {
        self.plan = plan
        self.eventLoop = eventLoop
        self.runner = runner
        heads = plan.topics.map { topic in
            var fields = HTTPHeaders([
                ("Host", plan.target.authority), ("Content-Type", "application/json"),
                ("Content-Length", "\(plan.payloadBytes)"),
            ])
            if let token = plan.token { fields.add(name: "Authorization", value: "Bearer \(token)") }
            return HTTPRequestHead(
                version: .http1_1,
                method: .POST,
                uri: "/topics/" + BenchPath.encoded(topic.name),
                headers: fields
            )
        }
    }

    /// Opens all connections.
    /// - Returns: when all are open.
    func open() -> EventLoopFuture<Void> {
        EventLoopFuture.andAllSucceed((0..<plan.publishConnections).map { _ in openOne() }, on: eventLoop)
    }

    /// Sends a message as soon as a connection is free.
    func send(_ message: BenchMessage) {
        waiting.append(message)
        sendNext()
    }

    /// Closes all connections; what waits is forgotten.
    func close() {
        isClosing = true
        waiting.removeAll()
        for connection in idle { connection.close() }
    }

    // MARK: - What the connections tell

    func free(_ connection: PublishConnection) {
        idle.append(connection)
        sendNext()
    }

    func answered(_ number: Int, _ answer: BenchAnswer) { runner?.answered(number, answer) }

    func failed(_ number: Int) { runner?.publishFailed(number) }

    func ended(_ connection: PublishConnection) {
        idle.removeAll { $0 === connection }
        openLater()
    }

    // MARK: - Work

    private func sendNext() {
        while let connection = idle.last, let message = waiting.popFirst() {
            idle.removeLast()
            let marker = BenchMarker(run: plan.run, number: message.number, dueNanoseconds: message.dueNanoseconds)
            let payload = ByteBuffer(bytes: marker.payload(bytes: plan.payloadBytes))
            connection.send(message.number, heads[message.topic], payload)
        }
    }

    private func openLater() {
        guard !isClosing else { return }
        _ = eventLoop.assumeIsolated().scheduleTask(in: PublishPool.reconnectDelay) {
            guard !self.isClosing else { return }
            self.openOne().assumeIsolated().whenFailure { _ in self.openLater() }
        }
    }

    private func openOne() -> EventLoopFuture<Void> {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let target = plan.target
        return ClientBootstrap(group: eventLoop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(PublishConnection(bound.value))
                }
            }
            .connect(host: target.host, port: target.port)
            .map { _ in }
            .flatMapErrorThrowing { throw BenchFault.cannotConnect(target, $0) }
    }
}
