import DeliveryLink
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SluiceCore

/// A listener of its own for what operators ask: `/healthz`, `/readyz`, `/metrics` and `/latency`, so that they needn't be on the clients' port.
///
/// It serves from before the gateway takes clients until the last of them has gone, so that a drain can be watched.
struct OperationsPort: Sendable {
    /// Where it is asked, `http://host:port`.
    let address: String
    private let task: Task<Void, Never>

    /// A connection may be silent so long.
    private static let idleTimeout: TimeAmount = .seconds(75)

    /// Listens.
    /// - Throws: ``GatewayError`` when the port can't be listened on.
    static func open(
        host: String,
        port: Int,
        _ router: Router<GatewayRequestContext>,
        on group: any EventLoopGroup,
        logger: Logger
    ) async throws -> OperationsPort {
        let (addresses, bound) = AsyncThrowingStream.makeStream(of: String.self, throwing: (any Error).self)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            router: router,
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: idleTimeout)),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                AcceptPause.install(on: channel, listener: "operations", logger: logger)
                let shown = host.contains(":") ? "[\(host)]" : host
                bound.yield("http://\(shown):\(channel.localAddress?.port ?? port)")
            },
            eventLoopGroupProvider: .shared(group),
            logger: quiet
        )
        // Detached: the graceful shutdown, which a child task would hear of, isn't for this port; `close` is.
        let task = Task.detached {
            do {
                try await application.run()
                bound.finish()
            } catch {
                bound.finish(throwing: error)
            }
        }
        do {
            for try await address in addresses {
                logger.info("serving operations", metadata: ["address": "\(address)"])
                return OperationsPort(address: address, task: task)
            }
            throw CancellationError()
        } catch {
            task.cancel()
            throw GatewayError.listening(on: host, port: port, setting: "--gateway-operations-port", error) ?? error
        }
    }

    /// Stops listening.
    func close() async {
        task.cancel()
        await task.value
    }
}

/// Answers a request for the port's own host only: a page whose name was made to point at the loopback reads nothing.
struct OwnHost: RouterMiddleware {
    typealias Context = GatewayRequestContext

    let hosts: AllowedHosts

    @concurrent func handle(
        _ request: Request,
        context: GatewayRequestContext,
        next: @concurrent (Request, GatewayRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, let name = HostName(field: authority.utf8),
            hosts.allows(name, localAddress: context.channel.localAddress?.ipAddress)
        else {
            throw APIError(.misdirectedRequest, "Ask for the operations port by its address.")
        }
        return try await next(request, context)
    }
}
