import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SluiceCore

/// Turns whatever a route throws into the error body of docs/protocol.md.
struct APIErrorMiddleware: RouterMiddleware {
    let counters: HTTPCounters
    let table: RouteTable
    /// Tells of faults of ours.
    let faults: BoundedLog
    /// Tells of what is refused.
    let accessLog: AccessLog

    @concurrent func handle(
        _ request: Request,
        context: GatewayRequestContext,
        next: @concurrent (Request, GatewayRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            counters.countRouted(status: response.status.code)
            return response
        } catch {
            let response = answer(to: error, request)
            accessLog.note(
                .refusal,
                from: context.client,
                [
                    "status": "\(response.status.code)",
                    "request": "\(request.method) \(request.uri.path.printable(limit: 200))",
                ]
            )
            counters.countRouted(status: response.status.code)
            return response
        }
    }

    private func answer(to error: any Error, _ request: Request) -> Response {
        if let error = APIError(ofLayer: error) { return HTTPAnswer.error(error) }
        switch error {
        case let error as HTTPError where error.status == .notFound:
            return table.answer(toUnknown: request)
        case let error as HTTPError where error.status == .contentTooLarge:
            return HTTPAnswer.error(APIError(.payloadTooLarge, "The body is larger than the limit."))
        case let error as HTTPError where error.status.kind == .clientError:
            return HTTPAnswer.error(APIError(.invalidRequest, error.body ?? error.status.reasonPhrase))
        case is NIOTooManyBytesError:
            return HTTPAnswer.error(APIError(.payloadTooLarge, "The body is larger than the limit."))
        default:
            faults.write(
                .error,
                "A request failed.",
                ["path": "\(request.uri.path.printable(limit: 200))", "error": "\(error)"]
            )
            return HTTPAnswer.error(
                APIError(.internalError, "The request failed inside the gateway; its log says why.")
            )
        }
    }
}

/// Which methods the gateway's paths take, for telling "no such path" from "not with this method", and for OPTIONS.
struct RouteTable: Sendable {
    /// Whose port it is.
    enum Serves {
        /// Everybody's.
        case everyone
        /// Clients' alone: operators have a port of their own.
        case clients
        /// Operators' alone.
        case operations
    }

    /// The embedding server's.
    let handlers: [RequestHandler]
    var demo = DemoRoutes()
    /// Whether there is an API for message queues.
    var offersQueues = false
    var serves = Serves.everyone

    /// Whether the gateway answers the request, be it with an error; what isn't its own may go to mounted routes.
    func isOwn(_ head: HTTPRequest) -> Bool {
        guard let target = head.path else { return true }
        let path = ByteString(URI(target).path)
        return target == "*" || path == "/echo" || RouteTable.isOfMeasures(path) || !methods(path).isEmpty
    }

    /// The answer to a request that no route took.
    func answer(toUnknown request: Request) -> Response {
        let path = ByteString(request.uri.path)
        let shown = path.string.printable(limit: 200)
        if path == "/ws" || path == "/echo", request.method == .get, serves != .operations {
            return HTTPAnswer.error(
                APIError(.upgradeRequired, "\(path) is for WebSocket connections: send an upgrade (RFC 6455).")
            )
        }
        // The server as a whole (RFC 9110, section 9.3.7).
        if request.method == .options, ByteString(request.head.path ?? "") == "*" {
            return RouteTable.options([.get, .head, .post, .put, .patch, .delete, .options])
        }
        let allowed = methods(path)
        guard !allowed.isEmpty else {
            return HTTPAnswer.error(APIError(.notFound, "There is no \(request.method) \(shown)."))
        }
        if request.method == .options { return RouteTable.options(allowed) }
        return HTTPAnswer.error(
            APIError(.methodNotAllowed, "\(shown) doesn't take \(request.method)."),
            allow: allowed
        )
    }

    private static func options(_ allowed: [HTTPRequest.Method]) -> Response {
        Response(status: .noContent, headers: [.allow: allowed.map(\.rawValue).joined(separator: ", ")])
    }

    /// The methods that a path takes; none when there is no such path.
    private func methods(_ path: ByteString) -> [HTTPRequest.Method] {
        var methods = ownMethods(path)
        for handler in handlers where handler.takes(path) && !methods.contains(handler.method) {
            methods.append(handler.method)
        }
        guard !methods.isEmpty else { return [] }
        if methods.contains(.get), !methods.contains(.head) { methods.append(.head) }
        if !methods.contains(.options) { methods.append(.options) }
        return methods
    }

    /// Whether the path is of those that tell measures.
    private static func isOfMeasures(_ path: ByteString) -> Bool {
        path == "/metrics" || path == "/latency" || path.utf8.starts(with: "/latency/records/".utf8)
    }

    private func ownMethods(_ path: ByteString) -> [HTTPRequest.Method] {
        if path == "/healthz" || path == "/readyz" { return [.get] }
        if RouteTable.isOfMeasures(path) { return serves == .clients ? [] : [.get] }
        if serves == .operations { return [] }
        switch path {
        case "/ws", "/sse": return [.get]
        case "/topics": return [.post]
        default: break
        }
        let isOfTopics = path.equals("/sns") || path.equals("/sns/certificate.pem")
        if offersQueues, isOfTopics { return [.get] }
        if offersQueues, path == "/" { return demo.paths.contains(path) ? [.get, .post] : [.post] }
        if demo.paths.contains(path) { return [.get] }
        if path.utf8.starts(with: "/topics/".utf8) { return [.get, .post] }
        if ItemPath(path: path.string) != nil { return [.get, .put, .patch, .delete] }
        return []
    }
}

extension RequestHandler {
    /// Whether its path, with placeholders, is this one.
    fileprivate func takes(_ path: ByteString) -> Bool {
        let pattern = self.path.utf8.split(separator: UInt8(ascii: "/")).map { ByteString(decoding: $0) }
        let levels = path.utf8.split(separator: UInt8(ascii: "/")).map { ByteString(decoding: $0) }
        for (index, part) in pattern.enumerated() {
            if part == "**" { return true }
            guard index < levels.count else { return false }
            let first = part.utf8.first
            if first == UInt8(ascii: "{") || first == UInt8(ascii: ":") || part == "*" { continue }
            guard part == levels[index] else { return false }
        }
        return pattern.count == levels.count
    }
}
