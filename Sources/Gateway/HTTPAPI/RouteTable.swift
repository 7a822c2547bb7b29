import HTTPTypes
import Hummingbird
import SluiceCore

/// Which methods the gateway's own paths take, for telling "no such path" from "not with this method".
enum RouteTable {
    /// The answer to a request that no route took.
    static func answer(toUnknown request: Request) -> Response {
        let path = request.uri.path
        if path == "/ws" || path == "/echo", request.method == .get {
            return HTTPAnswer.error(
                APIError(.upgradeRequired, "\(path) is for WebSocket connections: send an upgrade (RFC 6455).")
            )
        }
        let allowed = methods(path)
        guard !allowed.isEmpty else {
            return HTTPAnswer.error(APIError(.notFound, "There is no \(request.method) \(path.printable(limit: 200))."))
        }
        return HTTPAnswer.error(
            APIError(.methodNotAllowed, "\(path.printable(limit: 200)) doesn't take \(request.method)."),
            allow: allowed
        )
    }

    private static func methods(_ path: String) -> [HTTPRequest.Method] {
        switch path {
        case "/", "/client.js", "/healthz", "/readyz", "/metrics", "/latency", "/ws": return [.get]
        case "/topics": return [.post]
        default: break
        }
        if path.hasPrefix("/topics/") { return [.get, .post] }
        if path.hasPrefix("/latency/records/") { return [.get] }
        if ItemPath(path: path) != nil { return [.get, .put, .patch, .delete] }
        return []
    }
}
