/// What clients subscribe to: a UTF-8 name of `/`-separated levels, checked once where it enters the process.
///
/// `+` and `#` are reserved for ``TopicPattern`` (as in MQTT 3.1.1, section 4.7), so that a topic can never be mistaken for a pattern.
///
/// Two topics are the same one when their bytes are: see ``ByteString``.
public struct Topic: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name as the client wrote it.
    public let bytes: ByteString

    /// The name as a `String`, for messages and for interfaces that take one.
    public var name: String { bytes.string }

    /// Checks `name` against the rules and ``Limits/topicBytes``.
    /// - Throws: ``TopicError``, which says the rule that was broken.
    public init(_ name: String) throws(TopicError) {
        if let (code, reason) = Topic.violation(in: name.utf8) {
            throw TopicError(code, "The topic '\(name.printable(limit: 80))' is not valid: \(reason).")
        }
        bytes = ByteString(name)
    }

    /// Decodes and checks a topic that arrived as bytes.
    /// - Throws: ``TopicError``, also when the bytes are not UTF-8.
    public init(utf8 bytes: some Collection<UInt8>) throws(TopicError) {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw TopicError(.notText, "The topic is not valid UTF-8. Send topic names as UTF-8.")
        }
        try self.init(name)
    }

    /// The same for memory, without the cost of a generic collection: the way of nearly every publish.
    /// - Throws: ``TopicError``, also when the bytes are not UTF-8.
    public init(utf8 bytes: UnsafeRawBufferPointer) throws(TopicError) {
        guard let name = String(validUTF8: bytes) else {
            throw TopicError(.notText, "The topic is not valid UTF-8. Send topic names as UTF-8.")
        }
        try self.init(name)
    }

    /// Checks a name that was taken from a message.
    /// - Throws: ``TopicError``, which says the rule that was broken.
    public init(_ name: ByteString) throws(TopicError) { try self.init(name.string) }

    /// Wraps a name that was checked before it was written to the log, the registry or the link.
    public init(alreadyChecked name: String) { bytes = ByteString(name) }

    /// The name.
    public var description: String { name }

    /// The rule that `bytes` break, or nil for a valid topic.
    private static func violation(in bytes: String.UTF8View) -> (TopicErrorCode, String)? {
        var previous: UInt8 = 0
        var count = 0
        var hasReplacement = false
        for byte in bytes {
            count += 1
            if byte < 0x20 || byte == 0x7F { return (.character, "it contains a control character") }
            if previous == 0xC2, (0x80...0x9F).contains(byte) { return (.character, "it contains a control character") }
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#") {
                return (.character, "'+' and '#' are reserved for patterns")
            }
            // The end of U+FFFD; whether its first byte is there too is looked at once, behind the loop.
            if byte == 0xBD, previous == 0xBF { hasReplacement = true }
            previous = byte
        }
        if hasReplacement, bytes.containsReplacementCharacter {
            return (.notText, "it contains U+FFFD, which stands for what isn't text, such as half of a surrogate pair")
        }
        if count == 0 { return (.length, "it is empty") }
        if count > Limits.topicBytes {
            return (.length, "it has \(count) bytes and the limit is \(Limits.topicBytes)")
        }
        return nil
    }
}
