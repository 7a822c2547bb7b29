public import SluiceCore

/// Where a gateway takes delivery links: a Unix socket on one host, TCP across hosts, with TLS or without.
public enum LinkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket's path, written `unix:/path`.
    case unix(path: String)
    /// A TCP port, written `tcp://host:port`; an IPv6 address stands in brackets. Port 0 lets the system choose when
    /// listening.
    case tcp(host: String, port: Int)
    /// A TCP port with TLS, written `tls://host:port`; the gateway's certificate must be for that host.
    case tls(host: String, port: Int)

    /// Longest Unix socket path, bytes: `sockaddr_un` has 108 with the final zero, and binding needs one more (see
    /// `UnixSocketFile`).
    public static let pathBytes = 106

    /// Parses an address.
    /// - Throws: ``LinkError`` with code `invalidAddress`, which says the rule that was broken.
    public init(_ text: String) throws(LinkError) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try LinkAddress.path(String(text.dropFirst(5)), in: text))
        } else if text.hasPrefix("tcp://") {
            let (host, port) = try LinkAddress.hostAndPort(text.dropFirst(6), in: text)
            self = .tcp(host: host, port: port)
        } else if text.hasPrefix("tls://") {
            let (host, port) = try LinkAddress.hostAndPort(text.dropFirst(6), in: text)
            self = .tls(host: host, port: port)
        } else {
            throw LinkAddress.invalid(text, "it starts with none of 'unix:/', 'tcp://' and 'tls://'")
        }
    }

    /// The address as it is written.
    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): "tcp://\(LinkAddress.bracketed(host)):\(port)"
        case .tls(let host, let port): "tls://\(LinkAddress.bracketed(host)):\(port)"
        }
    }

    /// The port of an address that has one.
    public var port: Int? {
        switch self {
        case .unix: nil
        case .tcp(_, let port), .tls(_, let port): port
        }
    }

    /// Whether the link speaks TLS.
    public var isEncrypted: Bool { if case .tls = self { true } else { false } }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    private static func path(_ path: String, in text: String) throws(LinkError) -> String {
        guard path.hasPrefix("/"), !path.hasSuffix("/") else {
            throw invalid(text, "the path must be absolute and name a file")
        }
        guard !path.utf8.contains(0) else { throw invalid(text, "the path contains a zero byte") }
        guard path.utf8.count <= pathBytes else {
            throw invalid(text, "the path has \(path.utf8.count) bytes and a socket's path at most \(pathBytes)")
        }
        return path
    }

    private static func hostAndPort(
        _ rest: Substring,
        in text: String
    ) throws(LinkError) -> (host: String, port: Int) {
        guard let colon = rest.lastIndex(of: ":") else { throw invalid(text, "the port is missing") }
        let digits = rest[rest.index(after: colon)...]
        guard let port = UInt16(digits), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw invalid(text, "the port is not a number from 0 to 65535")
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw invalid(text, "an IPv6 address stands in brackets")
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw invalid(text, "the host is missing or not valid")
        }
        return (String(host), Int(port))
    }

    private static func invalid(_ text: String, _ reason: String) -> LinkError {
        LinkError(
            .invalidAddress,
            "The link address '\(text.printable(limit: 160))' is not valid: \(reason). "
                + "Write unix:/path, tcp://host:port or tls://host:port."
        )
    }
}
