import SluiceCore

/// A publish in the plainest form that HTTP/1.1 has, found in the bytes of a connection: nearly every publish of a
/// client that publishes often.
///
/// Parsing it here costs a fifth of what the general decoder costs for it. Whatever isn't plain is left to the decoder,
/// which alone decides what a request is that this doesn't know: a chunked body, an encoded topic, a field twice, an
/// offered protocol. So this accepts only what both read alike.
struct PlainPublish: Equatable {
    /// What stands at the beginning of the bytes.
    enum Reading: Equatable {
        /// A whole publish.
        case publish(PlainPublish)
        /// A publish of so many bytes, of which some haven't come.
        case partial(byteCount: Int)
        /// Not enough to tell.
        case incomplete
        /// Something for the decoder.
        case other
    }

    /// The topic, of printable ASCII characters without percent signs.
    let topic: Range<Int>
    /// The Host field's value.
    let host: Range<Int>
    /// The body's media type.
    let contentType: Range<Int>?
    /// The client's credentials.
    let authorization: Range<Int>?
    /// The payload.
    let body: Range<Int>
    /// Bytes of the whole request.
    var byteCount: Int { body.upperBound }

    /// Looks at what `bytes` begin with.
    ///
    /// `prefix`: what all paths begin with.
    static func read(_ bytes: UnsafeRawBufferPointer, limits: HTTPLimits, prefix: PathPrefix = .none) -> Reading {
        var scanner = PlainHeadScanner(bytes, prefix: prefix)
        switch scanner.scanHead(maximumFields: limits.headerFields) {
        case .whole: break
        // A head that grows and grows is the decoder's, which knows the limit.
        case .incomplete: return bytes.count < limits.headBytes ? .incomplete : .other
        case .other: return .other
        }
        guard scanner.offset <= limits.headBytes, let host = scanner.host, let length = scanner.contentLength,
            length <= limits.payloadBytes
        else { return .other }
        let end = scanner.offset + length
        guard end <= bytes.count else { return .partial(byteCount: end) }
        return .publish(
            PlainPublish(
                topic: scanner.topic,
                host: host,
                contentType: scanner.contentType,
                authorization: scanner.authorization,
                body: scanner.offset..<end
            )
        )
    }
}

/// Walks over the head of a ``PlainPublish``, without a copy of anything.
///
/// Stricter than RFC 9112 wherever two readers could disagree about where a request ends (sections 5 and 6.3).
struct PlainHeadScanner {
    /// How the walk ended.
    enum End {
        /// Behind the empty line.
        case whole
        /// At the end of the bytes.
        case incomplete
        /// At something that isn't plain.
        case other
    }

    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0
    private(set) var topic = 0..<0
    private(set) var contentType: Range<Int>?
    private(set) var authorization: Range<Int>?
    private(set) var contentLength: Int?
    private(set) var host: Range<Int>?

    private let prefix: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer, prefix: PathPrefix = .none) {
        self.bytes = bytes
        self.prefix = prefix.bytes
    }

    /// Walks to the end of the head.
    mutating func scanHead(maximumFields: Int) -> End {
        if let end = scanRequestLine() { return end }
        for count in 0...maximumFields {
            guard offset < bytes.count else { return .incomplete }
            if bytes[offset] == PlainHeadScanner.carriageReturn {
                guard offset + 1 < bytes.count else { return .incomplete }
                guard bytes[offset + 1] == PlainHeadScanner.lineFeed else { return .other }
                offset += 2
                return .whole
            }
            // One field too many: the decoder needn't see its end to refuse it.
            guard count < maximumFields else { return .other }
            if let end = scanField() { return end }
        }
        return .other
    }

    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")

    private mutating func scanRequestLine() -> End? {
        if prefix.isEmpty {
            if let end = scan("POST /topics/") { return end }
        } else {
            if let end = scan("POST ") ?? scan(prefix) ?? scan("/topics/") { return end }
        }
        let start = offset
        while offset < bytes.count, bytes[offset] != PlainHeadScanner.space {
            switch bytes[offset] {
            case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "+"): return .other
            case 0x21...0x7E: offset += 1
            default: return .other
            }
        }
        topic = start..<offset
        guard !topic.isEmpty || offset == bytes.count else { return .other }
        return scan(" HTTP/1.1\r\n")
    }

    private mutating func scan(_ text: StaticString) -> End? {
        let count = min(text.utf8CodeUnitCount, bytes.count - offset)
        for index in 0..<count where bytes[offset + index] != text.utf8Start[index] { return .other }
        offset += count
        return count < text.utf8CodeUnitCount ? .incomplete : nil
    }

    private mutating func scan(_ text: [UInt8]) -> End? {
        let count = min(text.count, bytes.count - offset)
        for index in 0..<count where bytes[offset + index] != text[index] { return .other }
        offset += count
        return count < text.count ? .incomplete : nil
    }

    private mutating func scanField() -> End? {
        let start = offset
        while offset < bytes.count, PlainHeadScanner.isNameByte(bytes[offset]) { offset += 1 }
        guard offset < bytes.count else { return .incomplete }
        guard bytes[offset] == UInt8(ascii: ":"), offset > start else { return .other }
        let name = start..<offset
        offset += 1
        while offset < bytes.count, bytes[offset] == PlainHeadScanner.space { offset += 1 }
        let valueStart = offset
        while offset < bytes.count, (0x20...0x7E).contains(bytes[offset]) { offset += 1 }
        guard offset < bytes.count else { return begun(name, valueStart..<offset) }
        // Before there is more: the decoder refuses a line that ends otherwise at once.
        guard bytes[offset] == PlainHeadScanner.carriageReturn else { return .other }
        guard offset + 1 < bytes.count else {
            return offset > valueStart ? begun(name, valueStart..<offset) : .other
        }
        guard bytes[offset + 1] == PlainHeadScanner.lineFeed else { return .other }
        let value = valueStart..<offset
        // The decoder takes spaces at the end for a part of the value.
        guard value.isEmpty || bytes[offset - 1] != PlainHeadScanner.space else { return .other }
        offset += 2
        return accept(name, value) ? nil : .other
    }

    /// Letters, digits and the hyphen: all names that anyone uses (RFC 9110, section 5.6.2 allows more).
    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
    }

    /// Notes a field; false when it makes the request anything but plain.
    private mutating func accept(_ name: Range<Int>, _ value: Range<Int>) -> Bool {
        // The length tells most names apart without comparing them.
        switch name.count {
        case 2: return !matches(name, "te")
        case 4 where matches(name, "host"):
            defer { host = value }
            return host == nil
        case 6: return !matches(name, "expect") && !matches(name, "origin")
        case 7: return !matches(name, "upgrade") && !matches(name, "trailer")
        case 10: return !matches(name, "connection") || matches(value, "keep-alive")
        case 12 where matches(name, "content-type"):
            defer { contentType = value }
            return contentType == nil
        case 13 where matches(name, "authorization"):
            defer { authorization = value }
            return authorization == nil
        case 14 where matches(name, "content-length"):
            guard contentLength == nil, let length = number(value) else { return false }
            contentLength = length
            return true
        // Old clients' name for Connection, which the decoder heeds as well.
        case 16: return !matches(name, "proxy-connection")
        case 17: return !matches(name, "transfer-encoding")
        default: return true
        }
    }

    /// What a field is whose line isn't complete.
    ///
    /// What can't become plain is the decoder's at once, for it refuses some values before their line ends.
    private func begun(_ name: Range<Int>, _ value: Range<Int>) -> End {
        let mayBecomePlain =
            switch name.count {
            case 10 where matches(name, "connection"): value.count <= 10
            case 14 where matches(name, "content-length"):
                contentLength == nil && value.count <= 9 && bytes[value].allSatisfy { (0x30...0x39).contains($0) }
            case 17: !matches(name, "transfer-encoding")
            default: true
            }
        return mayBecomePlain ? .incomplete : .other
    }

    private func matches(_ range: Range<Int>, _ lowercased: StaticString) -> Bool {
        guard range.count == lowercased.utf8CodeUnitCount else { return false }
        for index in 0..<range.count {
            let byte = bytes[range.lowerBound + index]
            let folded = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            if folded != lowercased.utf8Start[index] { return false }
        }
        return true
    }

    /// Nine digits at most, so that nothing can overflow; larger bodies are over every limit.
    private func number(_ range: Range<Int>) -> Int? {
        guard (1...9).contains(range.count) else { return nil }
        var number = 0
        for byte in bytes[range] {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }
}
