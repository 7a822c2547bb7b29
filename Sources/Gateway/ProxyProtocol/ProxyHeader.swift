import NIOCore

/// The header of the PROXY protocol, versions 1 and 2, which a proxy sends in front of everything else to say whom it speaks for
/// (HAProxy's `proxy-protocol.txt`).
///
/// A pure reader: it is given what has come so far, from the first byte on, and says what that is. It keeps nothing.
enum ProxyHeader {
    /// What the bytes so far are.
    enum Verdict: Equatable {
        /// The beginning of a header.
        case needMore
        /// A header of so many bytes; the address is nil when the connection is the proxy's own, or it doesn't say whose.
        case header(ClientAddress?, consumed: Int)
        /// None, whatever comes behind.
        case invalid(Fault)
    }

    /// Why bytes are no header.
    enum Fault: String, Equatable {
        /// They begin like neither version.
        case signature
        /// It is longer than the protocol or this gateway allows.
        case tooLong
        /// A line that isn't written as version 1 has it.
        case line
        /// A version or a command that isn't known.
        case command
        /// A family of addresses, or a transport, that isn't known or isn't that of a stream.
        case family
        /// The addresses aren't all there.
        case addresses
    }

    /// Most bytes of a line of version 1, with its end.
    static let lineBytes = 107
    /// Most bytes of a header of version 2: addresses and what else a proxy tells, which is read past.
    static let binaryBytes = 4_096

    private static let lineStart = Array("PROXY ".utf8)
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// The signature, version and command, family and transport, length.
    private static let fixedBytes = 16

    /// Reads what has come so far.
    static func read(_ bytes: some RandomAccessCollection<UInt8>) -> Verdict {
        let bytes = bytes.prefix(binaryBytes)
        if begins(bytes, like: lineStart) {
            return bytes.count < lineStart.count ? .needMore : readLine(Array(bytes.prefix(lineBytes)))
        }
        if begins(bytes, like: signature) {
            return bytes.count < fixedBytes ? .needMore : readBinary(Array(bytes))
        }
        return .invalid(.signature)
    }

    /// Whether they are the beginning of a text, or begin with it.
    private static func begins(_ bytes: some Collection<UInt8>, like text: [UInt8]) -> Bool {
        zip(bytes, text).allSatisfy { $0 == $1 }
    }

    // MARK: - Version 1

    private static func readLine(_ bytes: [UInt8]) -> Verdict {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\r")), end + 1 < bytes.count else {
            return bytes.count < lineBytes ? .needMore : .invalid(.tooLong)
        }
        guard bytes[end + 1] == UInt8(ascii: "\n") else { return .invalid(.line) }
        let fields = bytes[lineStart.count..<end].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        // What stands behind UNKNOWN says nothing.
        if fields[0].elementsEqual("UNKNOWN".utf8) { return .header(nil, consumed: end + 2) }
        guard fields.count == 5, let width = addressBytes(ofFamily: fields[0]),
            let source = host(fields[1], width), host(fields[2], width) != nil,
            let sourcePort = port(fields[3]), port(fields[4]) != nil
        else { return .invalid(.line) }
        return .header(ClientAddress(host: source, port: sourcePort), consumed: end + 2)
    }

    /// How many bytes an address of the family has.
    private static func addressBytes(ofFamily name: ArraySlice<UInt8>) -> Int? {
        if name.elementsEqual("TCP4".utf8) { return 4 }
        return name.elementsEqual("TCP6".utf8) ? 16 : nil
    }

    private static func host(_ text: ArraySlice<UInt8>, _ width: Int) -> ClientAddress.Host? {
        guard (2...45).contains(text.count), text.allSatisfy(isOfAddress),
            let socket = try? SocketAddress(ipAddress: String(decoding: text, as: UTF8.self), port: 0)
        else { return nil }
        switch socket {
        case .v4: return width == 4 ? ClientAddress(socket).host : nil
        case .v6: return width == 16 ? ClientAddress(socket).host : nil
        case .unixDomainSocket: return nil
        }
    }

    /// Whether an address may have the byte: no interfaces, no brackets.
    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    /// A port, without zeros in front.
    private static func port(_ text: ArraySlice<UInt8>) -> Int? {
        text.count == 1 || text.first != UInt8(ascii: "0") ? ClientAddress.port(text) : nil
    }

    // MARK: - Version 2

    private static func readBinary(_ bytes: [UInt8]) -> Verdict {
        let length = number(bytes[14..<16])
        let isLocal: Bool
        switch bytes[12] {
        case 0x20: isLocal = true
        case 0x21: isLocal = false
        default: return .invalid(.command)
        }
        guard fixedBytes + length <= binaryBytes else { return .invalid(.tooLong) }
        // A connection of the proxy's own, such as a check of health: whatever it says of families isn't looked at.
        let width: Int
        switch (isLocal, bytes[13]) {
        case (true, _), (false, 0x00): width = 0
        case (false, 0x11): width = 4
        case (false, 0x21): width = 16
        // Sockets of a file system: two paths of 108 bytes.
        case (false, 0x31): return length < 216 ? .invalid(.addresses) : unnamed(bytes, length)
        default: return .invalid(.family)
        }
        guard width > 0 else { return unnamed(bytes, length) }
        // Two addresses and two ports.
        guard length >= 2 * width + 4 else { return .invalid(.addresses) }
        guard bytes.count >= fixedBytes + length else { return .needMore }
        let ports = fixedBytes + 2 * width
        guard let host = ClientAddress.Host(bytes: bytes[fixedBytes..<(fixedBytes + width)]) else {
            return .invalid(.addresses)
        }
        let address = ClientAddress(host: host, port: number(bytes[ports..<(ports + 2)]))
        return .header(address, consumed: fixedBytes + length)
    }

    private static func unnamed(_ bytes: [UInt8], _ length: Int) -> Verdict {
        bytes.count < fixedBytes + length ? .needMore : .header(nil, consumed: fixedBytes + length)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
