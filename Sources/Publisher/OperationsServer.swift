import DeliveryLink
import Hummingbird
import Logging
import NIOCore
import SluiceCore
import StageLatency

/// Serves `/healthz`, `/readyz`, `/metrics` and `/latency` of the publisher process.
struct OperationsServer {
    let host: String
    let port: Int
    let latency: PublisherLatency
    let group: any EventLoopGroup
    let logger: Logger

    /// Makes the server.
    /// - Parameter onRunning: called with the bound address when it accepts connections.
    /// - Returns: the server; it runs until its task ends or a graceful shutdown comes.
    func application(onRunning: @escaping @Sendable (String) async -> Void) -> some ApplicationProtocol {
        let latency = latency
        let router = Router()
        router.get("healthz") { _, _ in "ok\n" }
        router.get("readyz") { _, _ -> Response in
            latency.isReady
                ? Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "ready\n")))
                : Response(
                    status: .serviceUnavailable,
                    body: .init(byteBuffer: ByteBuffer(string: "starting or draining\n"))
                )
        }
        router.get("metrics") { _, _ -> Response in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(bytes: latency.exposition()))
            )
        }
        router.get("latency") { _, _ -> Response in
            OperationsServer.json(
                latency.windows.report().json()
            )
        }
        router.get("latency/records/:sequence") { _, context -> Response in
            guard let sequence = context.parameters.get("sequence", as: UInt64.self),
                let times = latency.traces.trace(SequenceNumber(sequence))
            else {
                throw HTTPError(
                    .notFound,
                    message: "The record isn't among the last ones that this publisher has traced."
                )
            }
            return OperationsServer.json(RecordTraceReport(sequence: SequenceNumber(sequence), times: times).json())
        }
        var logger = logger
        logger.logLevel = max(logger.logLevel, .notice)
        return Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: "sluice-publisher"
            ),
            onServerRunning: { [logger] channel in
                AcceptPause.install(on: channel, listener: "operations", logger: logger)
                await onRunning(
                    "http://\(channel.localAddress?.ipAddress ?? "127.0.0.1"):\(channel.localAddress?.port ?? 0)"
                )
            },
            eventLoopGroupProvider: .shared(group),
            logger: logger
        )
    }

    private static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}
