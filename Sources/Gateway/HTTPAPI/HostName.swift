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
