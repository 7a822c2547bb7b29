import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import SluiceCore

/// Authorizes routed requests with the same authorizer as publishes and WebSockets.
struct RequestGrants: Sendable {
    let authorizer: any Authorizer
    /// The cookie that may carry the token.
    var cookie: String?

    /// What the request's token allows.
    /// - Throws: `InvalidRequest`, `Unauthorized`, `TokenExpired`, `Forbidden` or `AuthorizerUnavailable`.
    func grant(_ request: Request, _ context: GatewayRequestContext) async throws(APIError) -> Grant {
        try await authorizer.connect(
            try ConnectRequest(request, client: context.client, certificate: context.certificate, cookie: cookie)
        )
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
    /// The token of a request, from the first place that has one: what is sent for the request comes before what a browser sends with all of them.
    fileprivate static func token(
        authorization: String?,
        subprotocol: String? = nil,
        query: [(name: String, value: String)],
        cookie: String?
    ) -> String? {
        if let authorization, isBearer(authorization) { return bearerToken(authorization: authorization) }
        return subprotocol ?? bearerToken(authorization: nil, query: query) ?? cookie
    }

    /// What the authorizer is told about a request as NIO reads it: a publish or an upgrade to WebSocket.
    /// - Throws: `InvalidRequest` for a query that is too long.
    init(
        _ head: HTTPRequestHead,
        client: ClientAddress,
        certificate: ClientCertificate?,
        isWebSocket: Bool,
        cookie: String?
    ) throws(APIError) {
        try RequestTarget.checkQuery(of: head.uri)
        let query = RequestTarget.queryItems(of: head.uri)
        var uri = head.uri
        self.init(
            token: ConnectRequest.token(
                authorization: head.headers.first(name: "authorization"),
                subprotocol: isWebSocket ? Subprotocols.token(head.headers) : nil,
                query: query,
                cookie: cookie.flatMap { ConnectRequest.cookie($0, in: head.headers["cookie"]) }
            ),
            // Not outside input: the parser takes names of ASCII only.
            headers: head.headers.map { ($0.name.lowercased(), $0.value) },
            path: uri.withUTF8 { String(decoding: RequestTarget.path(of: $0), as: UTF8.self) },
            query: query,
            remoteAddress: client.known,
            isWebSocket: isWebSocket,
            clientCertificate: certificate
        )
    }

    /// What the authorizer is told about a routed request.
    /// - Throws: `InvalidRequest` for a query that is too long.
    init(
        _ request: Request,
        client: ClientAddress,
        certificate: ClientCertificate?,
        cookie: String?
    ) throws(APIError) {
        try RequestTarget.checkQuery(of: request.head.path ?? "")
        let query = RequestTarget.queryItems(of: request.head.path ?? "")
        self.init(
            token: ConnectRequest.token(
                authorization: request.headers[.authorization],
                query: query,
                cookie: cookie.flatMap { ConnectRequest.cookie($0, in: request.headers[values: .cookie]) }
            ),
            headers: request.headers.map { ($0.name.canonicalName, $0.value) },
            path: request.uri.path,
            query: query,
            remoteAddress: client.known,
            clientCertificate: certificate
        )
    }
}
