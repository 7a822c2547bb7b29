import SluiceCore

/// What an authorizer is told about a client that connects or sends an HTTP request.
public struct ConnectRequest: Sendable {
    /// The bearer token; nil when the client has sent none.
    ///
    /// It is a secret: never log it.
    public var token: String?
    /// The request's fields in their order, names in lower case.
    public var headers: [(name: String, value: String)]
    /// The request's path, without the query.
    public var path: String
    /// The query's items in their order, percent-decoded.
    public var query: [(name: String, value: String)]
    /// The peer's address, with or without its port; nil when it isn't known.
    public var remoteAddress: String?
    /// Whether a WebSocket is opened, rather than one HTTP request answered.
    public var isWebSocket: Bool
    /// The certificate that the client has shown and the gateway verified; nil when there is none.
    public var clientCertificate: ClientCertificate?

    /// Makes a request from its parts.
    ///
    /// See ``bearerToken(authorization:query:)`` for `token`.
    public init(
        token: String?,
        headers: [(name: String, value: String)] = [],
        path: String = "/",
        query: [(name: String, value: String)] = [],
        remoteAddress: String? = nil,
        isWebSocket: Bool = false,
        clientCertificate: ClientCertificate? = nil
    ) {
        self.token = token
        self.headers = headers
        self.path = path
        self.query = query
        self.remoteAddress = remoteAddress
        self.isWebSocket = isWebSocket
        self.clientCertificate = clientCertificate
    }

    /// Query items that carry a token, for browsers, whose `WebSocket` can't set a field (RFC 6750, section 2.3).
    public static let tokenQueryNames = ["token", "access_token"]

    /// Whether a query item of this name carries a token.
    static func isTokenName(_ name: String) -> Bool {
        let name = ByteString(name)
        return tokenQueryNames.contains { ByteString($0) == name }
    }

    /// Whether an Authorization field's scheme is Bearer, so that the token stands in it and nowhere else.
    static func isBearer(_ authorization: String) -> Bool {
        ByteString(decoding: authorization.trimmed.utf8.prefix { $0 != 0x20 }).equalsIgnoringASCIICase("bearer")
    }

    /// What of it an authorizer's answer follows from, without the token: what a connection keeps for when its client has another.
    func kept(for basis: GrantBasis) -> ConnectRequest {
        var kept = self
        kept.token = nil
        kept.query.removeAll { ConnectRequest.isTokenName($0.name) }
        switch basis {
        case .nothing, .token: (kept.headers, kept.query) = ([], [])
        case .tokenAndFields(let names):
            let names = names.map { ByteString($0).lowercasedASCII }
            kept.headers.removeAll { header in !names.contains(ByteString(header.name)) }
            kept.query = []
        case .request:
            kept.headers.removeAll { header in
                ["authorization", "sec-websocket-protocol"].contains { ByteString(header.name) == $0 }
            }
        }
        return kept
    }

    /// The value of a cookie (RFC 6265, section 4.2.1); nil when there is none, or more than one of the name.
    static func cookie(_ name: String, in fields: [String]) -> String? {
        var found: [String] = []
        for field in fields {
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = pair.drop { $0 == 0x20 }
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8)
                else { continue }
                let value = pair[pair.index(after: equals)...]
                found.append(String(decoding: value.filter { $0 != UInt8(ascii: "\"") }, as: UTF8.self))
            }
        }
        return found.count == 1 && found[0].utf8.count > 0 ? found[0] : nil
    }

    /// The token of a request: of its `Authorization: Bearer` field (RFC 6750, section 2.1), else of its query.
    ///
    /// A field of another scheme, such as a proxy's own `Basic`, says nothing about the token.
    /// - Parameters:
    ///   - authorization: the value of the Authorization field.
    ///   - query: the query's items, percent-decoded; leave them out where a token in the address isn't wanted.
    /// - Returns: the token, or nil when the request carries none.
    public static func bearerToken(authorization: String?, query: [(name: String, value: String)] = []) -> String? {
        if let authorization, isBearer(authorization) {
            let token = authorization.trimmed.utf8.drop { $0 != 0x20 }.drop { $0 == 0x20 }
            return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
        }
        return query.first { isTokenName($0.name) && !$0.value.isEmpty }?.value
    }
}
