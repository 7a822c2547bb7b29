import DeliveryLink
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SluiceCore
import Synchronization

/// The port for plain HTTP beside one with TLS: answers each request with where to find the same by `https`, and nothing else
/// (RFC 9110, section 15.4.9).
struct RedirectServer: Sendable {
    let host: String
    let port: Int
    let rules: HeadRules
    /// The port with TLS; 0 until it is known.
    let securePort = SecurePort()

    /// The port that clients are sent to.
    final class SecurePort: Sendable {
        private let number = Atomic<Int>(0)

        var value: Int { number.load(ordering: .relaxed) }
        func set(_ port: Int) { number.store(port, ordering: .relaxed) }
    }

    /// A request may take so long, and a connection be silent.
    private static let idleTimeout: TimeAmount = .seconds(10)

    /// Serves until a graceful shutdown.
    /// - Throws: ``GatewayError`` when the port can't be listened on.
    func run(on group: any EventLoopGroup, logger: Logger) async throws {
        do {
            try await application(on: group, logger: logger).run()
        } catch {
            throw GatewayError.listening(on: host, port: port, setting: "--redirect-port", error) ?? error
        }
    }

    private func application(on group: any EventLoopGroup, logger: Logger) -> some ApplicationProtocol {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        return Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in answer(request) },
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: RedirectServer.idleTimeout)),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                AcceptPause.install(on: channel, listener: "redirect", logger: logger)
                logger.info("redirecting to https", metadata: ["port": "\(channel.localAddress?.port ?? port)"])
            },
            eventLoopGroupProvider: .shared(group),
            logger: quiet
        )
    }

    private func answer(_ request: Request) -> Response {
        // A host that isn't the gateway's would make this port lead visitors anywhere.
        guard let authority = request.head.authority, let name = HostName(field: authority.utf8), !name.bytes.isEmpty,
            rules.hosts.allows(name, localAddress: nil), let target = request.head.path,
            target.utf8.first == UInt8(ascii: "/")
        else {
            return HTTPAnswer.error(APIError(.misdirectedRequest, "Ask for this gateway by its name, with https."))
        }
        let host = String(decoding: name.bytes, as: UTF8.self)
        let shown = name.bytes.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        let port = securePort.value
        let location = "https://\(shown)\(port == 443 || port == 0 ? "" : ":\(port)")\(target)"
        return Response(status: .permanentRedirect, headers: [.location: location, .connection: "close"])
    }
}
