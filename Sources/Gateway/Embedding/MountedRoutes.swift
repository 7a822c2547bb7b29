public import Hummingbird
import Logging
import NIOCore

/// The embedding server's own Hummingbird routes, beside the gateway's on its port.
struct MountedRoutes: Sendable {
    /// Answers a request in a context of the routes' own type.
    let respond: @Sendable (_ request: Request, _ channel: any Channel, _ logger: Logger) async throws -> Response

    /// The answer; a HEAD that they don't take is answered as GET is.
    @concurrent func answer(_ request: Request, _ channel: any Channel, _ logger: Logger) async -> Response {
        do {
            let answer = try await respond(request, channel, logger)
            guard request.method == .head, answer.status == .notFound || answer.status == .methodNotAllowed else {
                return answer
            }
            var head = request.head
            head.method = .get
            return try await respond(Request(head: head, body: request.body), channel, logger)
        } catch {
            logger.debug("A mounted route failed past its error handling.", metadata: ["error": "\(error)"])
            return Response(status: .internalServerError)
        }
    }
}

extension Gateway {
    /// Serves Hummingbird routes, with their middleware and their context, on the gateway's port.
    ///
    /// ```swift
    /// let router = Router()
    /// router.get("/hello") { _, _ in "hello" }
    /// gateway.mount(router.buildResponder())
    /// ```
    ///
    /// These paths stay the gateway's: `/topics`, `/tables`, `/ws`, `/healthz`, `/readyz`, `/metrics`, `/latency`, `/client.js`
    /// with its modules and types (`/client-….js`, `/client.d.ts`), and those of its request handlers.
    ///
    /// All else goes to `routes`, which answer as they see fit and ask for what rights they like; the demo page isn't served then.
    ///
    /// - Parameter routes: a router's responder, or whatever else answers Hummingbird's requests; the last one counts.
    public mutating func mount<Responder: HTTPResponder>(_ routes: Responder)
    where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        mounted = MountedRoutes { request, channel, logger in
            let source = ApplicationRequestContextSource(channel: channel, logger: logger)
            return try await routes.respond(to: request, context: Responder.Context(source: source))
        }
    }
}
