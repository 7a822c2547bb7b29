import NIOCore
import SluiceCore

/// Where a client is, as authorizers, limits and operators see it: an IP address and, where it is known, a port.
///
/// IPv4 addresses that come in IPv6's form (RFC 4291, section 2.5.5.2) are IPv4 addresses.
struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    /// The machine.
    enum Host: Hashable, Sendable {
        /// An IPv4 address.
        case v4(UInt32)
        /// An IPv6 address, its first and its last eight bytes.
        case v6(UInt64, UInt64)
        /// Not known, or no address of a network.
        case unknown
    }

    let host: Host
    let port: Int?

    /// Nobody knows where.
    static let unknown = ClientAddress(host: .unknown, port: nil)

    init(host: Host, port: Int?) {
        self.host = host
        self.port = port
    }

    /// A socket's peer.
    init(_ socket: SocketAddress?) {
        switch socket {
        // Where the address stands in sockaddr_in and sockaddr_in6, in network order.
        case .v4(let address):
            let bytes = withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
            self.init(host: Host(bytes: bytes) ?? .unknown, port: socket?.port)
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            self.init(host: Host(bytes: bytes) ?? .unknown, port: socket?.port)
        case .unixDomainSocket, nil: self = .unknown
        }
    }

    /// An address as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
    ///
    /// Nil for whatever else it is, such as a name.
    init?(_ text: some Collection<UInt8>) {
        var address = Array(text)
        var port: Int?
        if address.first == UInt8(ascii: "[") {
            guard let end = address.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let rest = address[(end + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { return nil }
            if !rest.isEmpty {
                guard let number = ClientAddress.port(rest.dropFirst()) else { return nil }
                port = number
            }
            address = Array(address[1..<end])
        } else if address.count(where: { $0 == UInt8(ascii: ":") }) == 1,
            let colon = address.firstIndex(of: UInt8(ascii: ":"))
        {
            guard let number = ClientAddress.port(address[(colon + 1)...]) else { return nil }
            port = number
            address = Array(address[..<colon])
        }
        // A link-local address has its interface behind a percent sign (RFC 4007, section 11).
        if let zone = address.firstIndex(of: UInt8(ascii: "%")) { address.removeSubrange(zone...) }
        guard (2...45).contains(address.count),
            let socket = try? SocketAddress(ipAddress: String(decoding: address, as: UTF8.self), port: 0)
        else { return nil }
        self.init(host: ClientAddress(socket).host, port: port)
    }

    /// A port in decimal digits.
    static func port(_ text: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: text, as: UTF8.self)), number <= 65_535
        else { return nil }
        return number
    }

    /// The address alone, as RFC 5952 writes it.
    var hostText: String {
        switch host {
        case .v4(let bits): (0..<4).map { "\(bits >> (24 - 8 * $0) & 255)" }.joined(separator: ".")
        case .v6(let high, let low): ClientAddress.text(high, low)
        case .unknown: "unknown"
        }
    }

    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        var bytes = ByteBuffer()
        bytes.writeInteger(high)
        bytes.writeInteger(low)
        return (try? SocketAddress(packedIPAddress: bytes, port: 0))?.ipAddress ?? "unknown"
    }

    /// Address and port, where there is one.
    var description: String {
        guard let port, host != .unknown else { return hostText }
        if case .v6 = host { return "[\(hostText)]:\(port)" }
        return "\(hostText):\(port)"
    }

    /// Address and port; nil when nobody knows.
    var known: String? { host == .unknown ? nil : description }
}

extension ClientAddress.Host {
    /// An address of 4 or 16 bytes, in network order.
    init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(UInt32(truncatingIfNeeded: Self.number(bytes)))
        case 16:
            let (high, low) = (Self.number(bytes.prefix(8)), Self.number(bytes.dropFirst(8)))
            self = high == 0 && low >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high, low)
        default: return nil
        }
    }

    private static func number(_ bytes: some Collection<UInt8>) -> UInt64 {
        bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
}
