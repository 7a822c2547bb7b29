import Metrics
import SluiceCore

/// Gives a client that shows a certificate, and sends no token, the certificate's principal; all else is another authorizer's.
///
/// With one that knows tokens only such a client gets the topics that the operator named for certificates; any other is asked as for everybody, and
/// the principal fills in where it names none.
struct CertificateAuthorizer: Authorizer {
    private let other: any Authorizer
    private let principal: CertificatePrincipal
    private let subscribe: [CertificateTopics]
    private let publish: [CertificateTopics]

    /// - Throws: ``GatewayError`` for a pattern that is none.
    init(
        _ other: any Authorizer,
        principal: CertificatePrincipal,
        subscribe: [String],
        publish: [String]
    ) throws(GatewayError) {
        self.other = other
        self.principal = principal
        var patterns: [[CertificateTopics]] = []
        for list in [subscribe, publish] {
            var parsed: [CertificateTopics] = []
            for text in list { parsed.append(try CertificateTopics(text)) }
            patterns.append(parsed)
        }
        (self.subscribe, self.publish) = (patterns[0], patterns[1])
    }

    /// A connection has one certificate: within it the token decides whether that counts.
    var basis: GrantBasis { other.basis == .nothing ? .token : other.basis }

    var fault: String? { other.fault }

    func measure(with metrics: any MetricsFactory) { other.measure(with: metrics) }

    func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        guard request.token == nil, let name = request.clientCertificate.flatMap(principal.name) else {
            return try await other.connect(request)
        }
        guard !(other is JWTAuthorizer) else {
            return Grant(
                principal: name,
                subscribe: subscribe.compactMap { $0.pattern(for: name) },
                publish: publish.compactMap { $0.pattern(for: name) }
            )
        }
        var grant = try await other.connect(request)
        if grant.principal == nil { grant.principal = name }
        return grant
    }

    func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? {
        other.decideNow(action, topic: topic, grant: grant)
    }

    func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
        try await other.authorize(action, topic: topic, grant: grant)
    }
}

/// A topic pattern in which `{principal}` stands for the client's.
private struct CertificateTopics: Sendable {
    private static let placeholder = Array("{principal}".utf8)

    /// What stands between placeholders.
    private let parts: [[UInt8]]

    init(_ text: String) throws(GatewayError) {
        var parts: [[UInt8]] = [[]]
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if rest.starts(with: CertificateTopics.placeholder) {
                rest = rest.dropFirst(CertificateTopics.placeholder.count)
                parts.append([])
            } else {
                parts[parts.count - 1].append(byte)
                rest = rest.dropFirst()
            }
        }
        self.parts = parts
        guard pattern(for: "someone") != nil else {
            throw GatewayError(
                .configuration,
                "'\(text.printable(limit: 80))' is no topic pattern: name certificates' topics as devices/{principal}/# or orders/+."
            )
        }
    }

    /// The pattern of a client; nil where its principal would be more than one level, or a wildcard.
    func pattern(for principal: String) -> TopicPattern? {
        let name = Array(principal.utf8)
        guard parts.count == 1 || !name.contains(where: { "/+#".utf8.contains($0) }) else { return nil }
        return try? TopicPattern(String(decoding: Array(parts.joined(separator: name)), as: UTF8.self))
    }
}
