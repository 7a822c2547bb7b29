import NIOCore
import SluiceCore

/// The pages that may use the gateway, by their origins (RFC 6454).
///
/// A browser sends a page's Origin with each WebSocket handshake, whatever site the page is of, and with each request of another origin that it
/// lets the page make. Nothing but this check keeps a foreign page from using its visitor's cookies or network place.
struct AllowedOrigins: Sendable {
    /// What an origin may do.
    enum Decision: Equatable {
        /// It may use the gateway; `withCredentials`: with cookies, too, since it was named.
        case allowed(withCredentials: Bool)
        /// It may not.
        case foreign
    }

    private let allowsAll: Bool
    private let allowsLoopback: Bool
    /// In lower case, as browsers write them.
    private let origins: [[UInt8]]
    /// `https://*.example.com` as scheme and `.example.com`.
    private let wildcards: [(scheme: [UInt8], suffix: [UInt8])]

    /// Every page.
    static let all = AllowedOrigins(allowsAll: true, allowsLoopback: true, origins: [], wildcards: [])

    private init(
        allowsAll: Bool,
        allowsLoopback: Bool,
        origins: [[UInt8]],
        wildcards: [(scheme: [UInt8], suffix: [UInt8])]
    ) {
        self.allowsAll = allowsAll
        self.allowsLoopback = allowsLoopback
        self.origins = origins
        self.wildcards = wildcards
    }

    /// The origins that an operator named, for a gateway that listens on `listenHost`.
    ///
    /// - Parameters:
    ///   - patterns: exact origins, `https://*.example.com` for all hosts below, `null`, `*` for every page; nil: pages of this machine on a
    ///     loopback host. The gateway's own origin is allowed in any case.
    ///   - listenHost: where the gateway listens.
    /// - Throws: ``GatewayError`` for a pattern that is none of these.
    init(_ patterns: [String]?, listenHost: String) throws(GatewayError) {
        var (origins, wildcards): ([[UInt8]], [(scheme: [UInt8], suffix: [UInt8])]) = ([], [])
        var allowsAll = false
        for pattern in patterns ?? [] {
            let bytes = pattern.utf8.map(\.lowercasedASCII)
            if bytes.elementsEqual("*".utf8) {
                allowsAll = true
            } else if bytes.elementsEqual("null".utf8) {
                origins.append(bytes)
            } else if let origin = WebOrigin(bytes), !origin.authority.isEmpty {
                if origin.authority.starts(with: "*.".utf8), !origin.authority.dropFirst(2).contains(UInt8(ascii: "*"))
                {
                    wildcards.append((Array(origin.scheme), Array(origin.authority.dropFirst())))
                } else if !origin.authority.contains(UInt8(ascii: "*")) {
                    origins.append(bytes)
                } else {
                    throw AllowedOrigins.fault(pattern)
                }
            } else {
                throw AllowedOrigins.fault(pattern)
            }
        }
        self.init(
            allowsAll: allowsAll,
            allowsLoopback: patterns == nil && GatewayError.isLoopback(listenHost),
            origins: origins,
            wildcards: wildcards
        )
    }

    private static func fault(_ pattern: String) -> GatewayError {
        GatewayError(
            .configuration,
            "'\(pattern.printable(limit: 80))' is no origin: name https://app.example.com, https://*.example.com, null or *."
        )
    }

    /// Whether every page is allowed, so that cookies say nothing about who asks.
    var isOpen: Bool { allowsAll }

    /// Whether a page may use the gateway.
    ///
    /// - Parameters:
    ///   - text: the Origin field.
    ///   - host: the Host field of the same request: what the page's browser calls the gateway.
    ///   - isSecure: whether the request came by TLS; nil when nobody knows, as behind a proxy that doesn't say.
    /// - Returns: what the page may do.
    func decide(_ text: String, host: String?, isSecure: Bool?) -> Decision {
        let bytes = text.utf8.map(\.lowercasedASCII)
        if origins.contains(where: { $0 == bytes }) { return .allowed(withCredentials: true) }
        if let origin = WebOrigin(bytes) {
            if let host, origin.isOf(host, isSecure: isSecure) { return .allowed(withCredentials: true) }
            for (scheme, suffix) in wildcards {
                if origin.scheme.elementsEqual(scheme), origin.authority.count > suffix.count,
                    origin.authority.suffix(suffix.count).elementsEqual(suffix)
                {
                    return .allowed(withCredentials: false)
                }
            }
            if allowsLoopback, HostName(field: origin.authority)?.isLoopback == true {
                return .allowed(withCredentials: false)
            }
        }
        return allowsAll ? .allowed(withCredentials: false) : .foreign
    }
}

/// An origin's parts, in lower case: `https` and `app.example.com:8443`.
private struct WebOrigin {
    let scheme: ArraySlice<UInt8>
    let authority: ArraySlice<UInt8>

    init?(_ bytes: [UInt8]) {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, bytes[colon...].starts(with: "://".utf8)
        else { return nil }
        scheme = bytes[..<colon]
        authority = bytes[(colon + 3)...]
        let isPlain = authority.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "-._~:[]*%".utf8.contains(byte)
        }
        guard isPlain, scheme.allSatisfy({ (0x61...0x7A).contains($0) || "+-.0123456789".utf8.contains($0) }) else {
            return nil
        }
    }

    /// Whether it is the origin of what was asked for: browsers leave the scheme's own port out of both.
    func isOf(_ host: String, isSecure: Bool?) -> Bool {
        guard authority.elementsEqual(host.utf8.map(\.lowercasedASCII)) else { return false }
        switch isSecure {
        case true?: return scheme.elementsEqual("https".utf8)
        case false?: return scheme.elementsEqual("http".utf8)
        case nil: return scheme.elementsEqual("https".utf8) || scheme.elementsEqual("http".utf8)
        }
    }
}
