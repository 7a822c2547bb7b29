import NIOHTTP1
import SluiceCore

/// The proxies whose word about their clients is taken, by networks (RFC 4632, RFC 4291).
struct TrustedProxies: Sendable {
    private let networks: [Network]
    private let field: ForwardedField

    /// Nobody's word.
    static let none = TrustedProxies(networks: [], field: .xForwardedFor)

    private init(networks: [Network], field: ForwardedField) {
        self.networks = networks
        self.field = field
    }

    /// The networks that an operator named: `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
    ///
    /// `field`: where they name their clients.
    /// - Throws: ``GatewayError`` for anything else.
    init(_ networks: [String], field: ForwardedField = .xForwardedFor) throws(GatewayError) {
        var parsed: [Network] = []
        for text in networks {
            guard let network = Network(text) else {
                throw GatewayError(
                    .configuration,
                    "'\(text.printable(limit: 80))' is no network: name trusted proxies as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1."
                )
            }
            parsed.append(network)
        }
        self.init(networks: parsed, field: field)
    }

    /// Whether there are any.
    var isEmpty: Bool { networks.isEmpty }

    /// Whether an address is one of theirs.
    func contains(_ address: ClientAddress) -> Bool { networks.contains { $0.contains(address.host) } }

    /// Who sent a request that came from `peer`, and whether it was sent by TLS as far as a trusted proxy says.
    ///
    /// The last address that isn't a trusted proxy's, for each proxy appends whom it was connected by, and what stands in front was written by the
    /// client. Only the field that the proxies write is looked at: they pass the other one on as the client sent it.
    func client(of headers: HTTPHeaders, from peer: ClientAddress) -> (address: ClientAddress, isSecure: Bool?) {
        guard contains(peer) else { return (peer, nil) }
        let hops: [ClientAddress?]
        let scheme: ByteString?
        switch field {
        case .xForwardedFor:
            hops = headers.elements(of: "x-forwarded-for").map { ClientAddress($0.utf8) }
            scheme = headers.elements(of: "x-forwarded-proto").last
        case .forwarded:
            let forwarded = headers.elements(of: "forwarded").map(ForwardedElement.init)
            hops = forwarded.map(\.client)
            scheme = forwarded.last?.scheme
        }
        var client = peer
        for hop in hops.reversed() {
            // An obfuscated or unreadable hop: nobody knows who was in front of it.
            guard let hop else { return (.unknown, scheme.map(TrustedProxies.isSecure)) }
            client = hop
            guard contains(hop) else { break }
        }
        return (client, scheme.map(TrustedProxies.isSecure))
    }

    private static func isSecure(_ scheme: ByteString) -> Bool {
        scheme.equalsIgnoringASCIICase("https") || scheme.equalsIgnoringASCIICase("wss")
    }

    /// A network: the first bits of its addresses.
    private struct Network {
        private let host: ClientAddress.Host
        private let bits: Int

        init?(_ text: String) {
            let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            guard parts.count <= 2, let address = ClientAddress(parts[0]), address.port == nil else { return nil }
            let width: Int
            switch address.host {
            case .v4: width = 32
            case .v6: width = 128
            case .unknown: return nil
            }
            host = address.host
            guard parts.count == 2 else {
                bits = width
                return
            }
            guard let bits = Int(String(decoding: parts[1], as: UTF8.self)), (0...width).contains(bits) else {
                return nil
            }
            self.bits = bits
        }

        func contains(_ other: ClientAddress.Host) -> Bool {
            switch (host, other) {
            case (.v4(let mine), .v4(let theirs)): bits == 0 || (mine ^ theirs) >> UInt32(32 - bits) == 0
            case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
                if bits <= 64 {
                    bits == 0 || (high ^ otherHigh) >> UInt64(64 - bits) == 0
                } else {
                    high == otherHigh && (low ^ otherLow) >> UInt64(128 - bits) == 0
                }
            default: false
            }
        }
    }
}

/// What one proxy says in a `Forwarded` field (RFC 7239, section 4).
private struct ForwardedElement {
    /// Whom it was connected by; nil when it doesn't say, or hides it.
    private(set) var client: ClientAddress?
    /// By which scheme.
    private(set) var scheme: ByteString?

    init(_ element: ByteString) {
        for pair in element.utf8.split(separator: UInt8(ascii: ";")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1)
            guard parts.count == 2 else { continue }
            let blank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: "\"") }
            let name = ByteString(decoding: parts[0].filter { !blank($0) })
            let value = parts[1].filter { !blank($0) }
            if name.equalsIgnoringASCIICase("for") { client = ClientAddress(value) }
            if name.equalsIgnoringASCIICase("proto") { scheme = ByteString(decoding: value) }
        }
    }
}
