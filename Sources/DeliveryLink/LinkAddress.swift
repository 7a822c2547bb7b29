public import SluiceCore

/// Where a gateway takes delivery links: a Unix socket on one host, TCP across hosts.
public enum LinkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket's path, written `unix:/path`.
    case unix(path: String)
    /// A TCP port, written `tcp://host:port`; an IPv6 address stands in brackets. Port 0 lets the system choose when
    /// listening.
    case tcp(host: String, port: Int)

    /// Longest Unix socket path, bytes: `sockaddr_un` has 108 with the final zero, and binding needs one more (see
    /// `UnixSocketFile`).
    public static let pathBytes = 106

    /// Parses an address.
    /// - Throws: ``LinkError`` with code `invalidAddress`, which says the rule that was broken.
    public init(_ text: String) throws(LinkError) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try LinkAddress.path(String(text.dropFirst(5)), in: text))
        } else if text.hasPrefix("tcp://") {
            self = try LinkAddress.tcp(text.dropFirst(6), in: text)
        } else {
            throw LinkAddress.invalid(text, "it starts with neither 'unix:/' nor 'tcp://'")
        }
    }

    /// The address as it is written.
    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        }
    }

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

    private static func tcp(_ rest: Substring, in text: String) throws(LinkError) -> LinkAddress {
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
        return .tcp(host: String(host), port: Int(port))
    }

    private static func invalid(_ text: String, _ reason: String) -> LinkError {
        LinkError(
            .invalidAddress,
            "The link address '\(text.printable(limit: 160))' is not valid: \(reason). "
                + "Write unix:/path or tcp://host:port."
        )
    }
}
