import SluiceCore

/// What the back end is told about a client that connects.
struct WebhookClient: Sendable {
    private struct Item {
        let name: String
        let value: String
    }

    private let token: String?
    private let isWebSocket: Bool
    private let client: ClientAddress
    private let path: String?
    private let query: [Item]
    private let headers: [Item]
    private let certificate: ClientCertificate?

    /// Picks what is passed on.
    ///
    /// Path and query only for a WebSocket: each HTTP request has others, and would be a question of its own.
    init(_ request: ConnectRequest, forwardedHeaders: [String]) {
        token = request.token
        certificate = request.clientCertificate
        isWebSocket = request.isWebSocket
        client = request.remoteAddress.flatMap { ClientAddress($0.utf8) } ?? .unknown
        path = request.isWebSocket ? request.path : nil
        query =
            request.isWebSocket
            ? request.query.filter { !ConnectRequest.isTokenName($0.name) }.map {
                Item(name: $0.name, value: $0.value)
            }
            : []
        let names = forwardedHeaders.map { ByteString($0).lowercasedASCII }
        headers = request.headers
            .filter { names.contains(ByteString($0.name).lowercasedASCII) }
            .map { Item(name: $0.name, value: $0.value) }
    }

    /// Whether the client has sent a token.
    var hasToken: Bool { token != nil }

    /// Where the client comes from.
    var network: PeerNetwork { PeerNetwork(client) }

    /// The body of the request.
    /// - Throws: `Unauthorized` for a token that is too long.
    func json() throws(APIError) -> [UInt8] {
        if let token, token.utf8.count > WebhookQuestion.maximumTokenBytes {
            throw .invalidToken(
                "it has \(token.utf8.count) bytes and the limit is \(WebhookQuestion.maximumTokenBytes)"
            )
        }
        return JSONWriter.object { json in
            json.member("action", "connect")
            json.member("webSocket", isWebSocket)
            json.member("token", token)
            json.member("remoteAddress", client.host == .unknown ? nil : client.hostText)
            if let path { json.member("path", path) }
            if let certificate { WebhookClient.write(certificate, to: &json) }
            WebhookClient.write("query", query, to: &json)
            WebhookClient.write("headers", headers, to: &json)
        }
    }

    private static func write(_ certificate: ClientCertificate, to json: inout JSONWriter) {
        json.name("certificate")
        json.object { json in
            json.member("subject", certificate.subject)
            json.member("commonName", certificate.commonName)
            for (name, values) in [("dnsNames", certificate.dnsNames), ("uris", certificate.uris)] {
                json.name(name)
                json.array { json in for value in values { json.value(value) } }
            }
            json.member("fingerprint", certificate.fingerprint)
        }
    }

    /// Writes `"name":[{"name":…,"value":…}]`: an array, since names may come more than once.
    private static func write(_ name: String, _ items: [Item], to json: inout JSONWriter) {
        json.name(name)
        json.array { json in
            for item in items {
                json.object { json in
                    json.member("name", item.name)
                    json.member("value", item.value)
                }
            }
        }
    }
}
