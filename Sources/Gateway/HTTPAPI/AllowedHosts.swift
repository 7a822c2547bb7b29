import SluiceCore

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
