import NIOCore
import SluiceCore

/// The name or address in a Host field, without the port, in lower case (RFC 9110, section 7.2).
struct HostName: Equatable, Sendable {
    /// A name, an IPv4 address, or an IPv6 address in its shortest form without brackets.
    let bytes: [UInt8]

    /// Reads a field's value: a host, and perhaps a port.
    ///
    /// Nil when it is neither a name nor an address (RFC 3986, section 3.2.2).
    init?(field: some Collection<UInt8>) {
        let field = field.map(\.lowercasedASCII)
        guard field.first == UInt8(ascii: "[") else {
            let name = field.prefix { $0 != UInt8(ascii: ":") }
            guard name.allSatisfy(HostName.isNameByte), HostName.isPort(field[name.endIndex...]) else { return nil }
            // "localhost." is "localhost": the dot ends a name that is complete.
            bytes = Array(name.last == UInt8(ascii: ".") ? name.dropLast() : name)
            return
        }
        guard let end = field.firstIndex(of: UInt8(ascii: "]")), HostName.isPort(field[(end + 1)...]),
            let address = try? SocketAddress(ipAddress: String(decoding: field[1..<end], as: UTF8.self), port: 0),
            case .v6 = address, let text = address.ipAddress
        else { return nil }
        bytes = Array(text.utf8)
    }

    /// Whether it is this machine for whoever asks: `localhost` and what is below it (RFC 6761, section 6.3), 127.0.0.0/8,
    /// ::1.
    var isLoopback: Bool {
        if bytes == Array("localhost".utf8) || bytes == Array("::1".utf8) { return true }
        if hasSuffix(".localhost".utf8) { return true }
        guard bytes.starts(with: "127.".utf8) else { return false }
        return (try? SocketAddress(ipAddress: String(decoding: bytes, as: UTF8.self), port: 0)) != nil
    }

    /// Whether it ends with `suffix`, and is longer.
    func hasSuffix(_ suffix: some BidirectionalCollection<UInt8>) -> Bool {
        bytes.count > suffix.count && bytes.suffix(suffix.count).elementsEqual(suffix)
    }

    private static func isPort(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first else { return true }
        return first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Unreserved characters, those of percent encoding and the sub-delimiters.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x30...0x39: true
        default: "-._~%!$&'()*+,;=".utf8.contains(byte)
        }
    }
}

/// The names that a gateway answers to.
///
/// A page whose own name is made to point at the gateway's address (DNS rebinding) is of the same origin as the gateway
/// for its visitor's browser; only the Host tells such requests apart. Names that no stranger can own are always
/// allowed: those of the loopback, the address that the client connected to, and the one that the gateway listens on.
struct AllowedHosts: Sendable {
    private let allowsAll: Bool
    private let names: [HostName]
    /// With their dot: ".example.com".
    private let suffixes: [[UInt8]]

    /// Every name.
    static let all = AllowedHosts(allowsAll: true, names: [], suffixes: [])

    private init(allowsAll: Bool, names: [HostName], suffixes: [[UInt8]]) {
        self.allowsAll = allowsAll
        self.names = names
        self.suffixes = suffixes
    }

    /// The names that an operator chose, for a gateway that listens on `listenHost`.
    ///
    /// `patterns`: names, addresses, `*.example.com` for all names below, `*` for every name; nil: those of the loopback
    /// on a loopback address, every name elsewhere.
    /// - Throws: ``GatewayError`` for a pattern that is none of these.
    init(_ patterns: [String]?, listenHost: String) throws(GatewayError) {
        let listensOn = HostName(
            field: (listenHost.utf8.contains(UInt8(ascii: ":")) ? "[\(listenHost)]" : listenHost).utf8
        )
        var names = listensOn.map { [$0] } ?? []
        var suffixes: [[UInt8]] = []
        var allowsAll = patterns == nil && !GatewayError.isLoopback(listenHost)
        for pattern in patterns ?? [] {
            if pattern.utf8.elementsEqual("*".utf8) {
                allowsAll = true
            } else if pattern.utf8.starts(with: "*.".utf8),
                let name = AllowedHosts.name(String(decoding: pattern.utf8.dropFirst(2), as: UTF8.self))
            {
                suffixes.append([UInt8(ascii: ".")] + name.bytes)
            } else if let name = AllowedHosts.name(pattern) {
                names.append(name)
            } else {
                throw GatewayError(
                    .configuration,
                    "'\(pattern.printable(limit: 80))' is not a host: give names and addresses without ports, *.example.com or *."
                )
            }
        }
        self.init(allowsAll: allowsAll, names: names, suffixes: suffixes)
    }

    /// Whether the gateway answers to `name`.
    ///
    /// `localAddress`: where the client connected to.
    func allows(_ name: HostName, localAddress: String?) -> Bool {
        allowsAll || name.isLoopback || names.contains(name) || suffixes.contains { name.hasSuffix($0) }
            || localAddress.map { name.bytes.elementsEqual($0.utf8) } == true
    }

    /// Whether the operator has named it: nothing is added to what was chosen.
    func lists(_ name: HostName) -> Bool {
        !name.bytes.isEmpty && (allowsAll || names.contains(name) || suffixes.contains { name.hasSuffix($0) })
    }

    /// A name or an address, IPv6 with brackets or without, and no port.
    private static func name(_ text: String) -> HostName? {
        let colons = text.utf8.count { $0 == UInt8(ascii: ":") }
        guard colons == 0 || text.utf8.last == UInt8(ascii: "]") else { return HostName(field: "[\(text)]".utf8) }
        guard let name = HostName(field: text.utf8), !name.bytes.isEmpty, !name.bytes.contains(UInt8(ascii: "*")) else {
            return nil
        }
        return name
    }
}
