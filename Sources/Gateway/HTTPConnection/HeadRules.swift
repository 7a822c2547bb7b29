import NIOCore
import NIOHTTP1
import SluiceCore

/// What is wrong with a request's head; nothing behind it is read.
struct HeadFault: Error, Equatable {
    let error: APIError
    /// Replaces the code's own status.
    var status: Int?

    init(_ error: APIError, status: Int? = nil) {
        self.error = error
        self.status = status
    }
}

/// What every request's head must keep to, whichever part of the gateway it is for: publishes, routed requests and
/// handshakes of WebSockets.
struct HeadRules: Sendable {
    /// The names that the gateway answers to.
    let hosts: AllowedHosts
    /// The pages that may use it.
    let origins: AllowedOrigins
    /// Whose word about clients is taken.
    let proxies: TrustedProxies
    /// What all paths begin with.
    let prefix: PathPrefix

    /// Rules made of parts.
    init(
        hosts: AllowedHosts,
        origins: AllowedOrigins = .all,
        proxies: TrustedProxies = .none,
        prefix: PathPrefix = .none
    ) {
        self.hosts = hosts
        self.origins = origins
        self.proxies = proxies
        self.prefix = prefix
    }

    /// The rules that an operator chose.
    /// - Throws: ``GatewayError`` for a host, an origin, a network or a prefix that is none.
    init(_ configuration: GatewayConfiguration) throws(GatewayError) {
        self.init(
            hosts: try AllowedHosts(configuration.allowedHosts, listenHost: configuration.host),
            origins: try AllowedOrigins(configuration.allowedOrigins, listenHost: configuration.host),
            proxies: try TrustedProxies(configuration.trustedProxies, field: configuration.forwardedField),
            prefix: try PathPrefix(configuration.pathPrefix)
        )
    }

    /// Checks a head.
    ///
    /// `localAddress`: where the client connected to.
    /// - Throws: `InvalidRequest` for a Host that is missing, doubled or malformed (RFC 9112, section 3.2), for two
    ///   Authorization or Content-Type fields, of which two readers could take different ones, and for a body whose end two readers
    ///   could see in different places; `MisdirectedRequest` for another's host.
    func check(_ head: HTTPRequestHead, _ fields: PublishHead, localAddress: SocketAddress?) throws(HeadFault) {
        try checkFraming(head, fields)
        do throws(APIError) {
            try checkOnce(fields.authorizationCount, "Authorization")
            try checkOnce(fields.contentTypeCount, "Content-Type")
            try checkOnce(fields.originCount, "Origin")
            let isHostOptional = head.version.major == 1 && head.version.minor == 0
            guard fields.hostCount == 1 || (fields.hostCount == 0 && isHostOptional) else {
                throw APIError(.invalidRequest, "The request has \(fields.hostCount) Host fields: send one.")
            }
            if let host = fields.host { try check(host, localAddress) }
            // In absolute form the target's host counts, not the field (RFC 9112, section 3.2.2).
            if let authority = RequestTarget.authority(of: head.uri) { try check(authority, localAddress) }
        } catch {
            throw HeadFault(error)
        }
    }

    /// What the answer to a page says; nil for a client that is no page, or none of another site that says so.
    ///
    /// A page that may not use the gateway doesn't get a WebSocket and may change nothing; what it reads its browser keeps from it, since the answer
    /// names no origin.
    /// - Throws: `ForbiddenOrigin`.
    func crossOrigin(_ head: HTTPRequestHead, _ fields: PublishHead, isSecure: Bool?) throws(HeadFault) -> CrossOrigin?
    {
        guard let origin = fields.origin else { return nil }
        switch origins.decide(origin, host: fields.host, isSecure: isSecure) {
        case .allowed(let withCredentials):
            return CrossOrigin(
                origin: origin,
                withCredentials: withCredentials,
                preflight: CrossOrigin.Preflight(head)
            )
        case .foreign:
            let isReading = head.method == .GET || head.method == .HEAD || head.method == .OPTIONS
            guard isReading, !WebSocketHandshake.isAsked(by: head) else {
                throw HeadFault(.forbiddenOrigin(origin))
            }
            return CrossOrigin(origin: nil)
        }
    }

    /// Who sent a request, and whether by TLS as far as anybody knows.
    func sender(
        of head: HTTPRequestHead,
        from peer: ClientAddress,
        isSecure: Bool?
    ) -> (address: ClientAddress, isSecure: Bool?) {
        guard !proxies.isEmpty else { return (peer, isSecure) }
        let told = proxies.client(of: head.headers, from: peer)
        return (told.address, told.isSecure ?? isSecure)
    }

    /// A target without the gateway's prefix.
    /// - Throws: `NotFound` when it is outside.
    func withoutPrefix(_ target: String) throws(HeadFault) -> String {
        guard let stripped = prefix.strip(target) else {
            throw HeadFault(
                APIError(.notFound, "There is nothing here: this gateway's paths begin with \(prefix.text)/.")
            )
        }
        return stripped
    }

    private func checkOnce(_ count: Int, _ name: String) throws(APIError) {
        guard count <= 1 else {
            throw APIError(.invalidRequest, "The request has \(count) \(name) fields: send one.")
        }
    }

    /// Checks how a body ends (RFC 9112, sections 6.1 and 6.3).
    private func checkFraming(_ head: HTTPRequestHead, _ fields: PublishHead) throws(HeadFault) {
        guard !fields.hasContentLength || fields.contentLength != nil else {
            throw HeadFault(APIError(.payloadTooLarge, "The Content-Length is no number, or beyond every limit."))
        }
        guard fields.hasTransferEncoding else { return }
        let codings = head.headers.elements(of: "transfer-encoding")
        let isChunked = codings.map { $0.equalsIgnoringASCIICase("chunked") }
        guard !fields.hasContentLength, head.version == .http1_1, isChunked.last == true,
            isChunked.dropLast().allSatisfy({ !$0 }), codings.allSatisfy(HeadRules.isToken)
        else {
            throw HeadFault(
                APIError(
                    .invalidRequest,
                    "Where the body ends isn't clear: send Content-Length, or Transfer-Encoding: chunked, not both."
                )
            )
        }
        guard codings.count == 1 else {
            throw HeadFault(
                APIError(.invalidRequest, "No transfer coding but chunked is known here."),
                status: 501
            )
        }
    }

    private static func isToken(_ text: ByteString) -> Bool {
        !text.utf8.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private func check(_ field: String, _ localAddress: SocketAddress?) throws(APIError) {
        guard let name = HostName(field: field.utf8) else {
            throw APIError(.invalidRequest, "The host '\(field.printable(limit: 80))' is not a name or an address.")
        }
        guard hosts.allows(name, localAddress: localAddress?.ipAddress) else {
            throw APIError(
                .misdirectedRequest,
                "This gateway is not '\(field.printable(limit: 80))'. If it should be, name it in --allowed-hosts."
            )
        }
    }
}
