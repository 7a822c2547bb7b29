import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import SluiceCore

/// Authorizes routed requests with the same authorizer as publishes and WebSockets.
struct RequestGrants: Sendable {
    let authorizer: any Authorizer

    /// What the request's token allows.
    /// - Throws: `InvalidRequest`, `Unauthorized`, `TokenExpired`, `Forbidden` or `AuthorizerUnavailable`.
    func grant(_ request: Request, _ context: GatewayRequestContext) async throws(APIError) -> Grant {
        try await authorizer.connect(try ConnectRequest(request, client: context.client))
    }

    /// Checks that `grant` allows `action` on all of `topics`.
    /// - Throws: `Forbidden` or `AuthorizerUnavailable`.
    func authorize(_ action: TopicAction, _ topics: [Topic], _ grant: Grant) async throws(APIError) {
        for topic in topics {
            switch authorizer.decideNow(action, topic: topic, grant: grant) {
            case .allow?: continue
            case .deny(let error)?: throw error
            case nil: try await authorizer.authorize(action, topic: topic, grant: grant)
            }
        }
    }
}

extension ConnectRequest {
    /// What the authorizer is told about a request as NIO reads it: a publish or an upgrade to WebSocket.
    /// - Throws: `InvalidRequest` for a query that is too long.
    init(_ head: HTTPRequestHead, client: ClientAddress, isWebSocket: Bool) throws(APIError) {
        try RequestTarget.checkQuery(of: head.uri)
        let query = RequestTarget.queryItems(of: head.uri)
        var uri = head.uri
        self.init(
            token: ConnectRequest.bearerToken(authorization: head.headers.first(name: "authorization"), query: query),
            // Not outside input: the parser takes names of ASCII only.
            headers: head.headers.map { ($0.name.lowercased(), $0.value) },
            path: uri.withUTF8 { String(decoding: RequestTarget.path(of: $0), as: UTF8.self) },
            query: query,
            remoteAddress: client.known,
            isWebSocket: isWebSocket
        )
    }

    /// What the authorizer is told about a routed request.
    /// - Throws: `InvalidRequest` for a query that is too long.
    init(_ request: Request, client: ClientAddress) throws(APIError) {
        try RequestTarget.checkQuery(of: request.head.path ?? "")
        let query = RequestTarget.queryItems(of: request.head.path ?? "")
        self.init(
            token: ConnectRequest.bearerToken(authorization: request.headers[.authorization], query: query),
            headers: request.headers.map { ($0.name.canonicalName, $0.value) },
            path: request.uri.path,
            query: query,
            remoteAddress: client.known
        )
    }
}
