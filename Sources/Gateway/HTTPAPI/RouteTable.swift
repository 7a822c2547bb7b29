import HTTPTypes
import Hummingbird
import SluiceCore

/// Which methods the gateway's own paths take, for telling "no such path" from "not with this method".
enum RouteTable {
    /// The answer to a request that no route took.
    static func answer(toUnknown request: Request) -> Response {
        let path = ByteString(request.uri.path)
        let shown = path.string.printable(limit: 200)
        if path == "/ws" || path == "/echo", request.method == .get {
            return HTTPAnswer.error(
                APIError(.upgradeRequired, "\(path) is for WebSocket connections: send an upgrade (RFC 6455).")
            )
        }
        let allowed = methods(path)
        guard !allowed.isEmpty else {
            return HTTPAnswer.error(APIError(.notFound, "There is no \(request.method) \(shown)."))
        }
        return HTTPAnswer.error(
            APIError(.methodNotAllowed, "\(shown) doesn't take \(request.method)."),
            allow: allowed
        )
    }

    private static func methods(_ path: ByteString) -> [HTTPRequest.Method] {
        switch path {
        case "/", "/demo.css", "/demo.js", "/client.js", "/healthz", "/readyz", "/metrics", "/latency", "/ws":
            return [.get]
        case "/topics": return [.post]
        default: break
        }
        if path.utf8.starts(with: "/topics/".utf8) { return [.get, .post] }
        if path.utf8.starts(with: "/latency/records/".utf8) { return [.get] }
        if ItemPath(path: path.string) != nil { return [.get, .put, .patch, .delete] }
        return []
    }
}
