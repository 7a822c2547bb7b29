import Crypto
public import SluiceCore

/// A message as its sender wants it: checked against the queue's rules, whatever it was read from (API reference, "SendMessage").
public struct MessageDraft: Sendable {
    /// Why a queue doesn't take a draft.
    public enum Violation: Error, Hashable, Sendable {
        /// It needs what AWS calls so.
        case missing(parameter: String)
        /// The body has characters that aren't allowed.
        case contents
        /// Something isn't what it may be: what, with which value, and what to do.
        case invalid(String)
    }

    /// The text.
    public var body: String
    /// What stands beside it.
    public var attributes: [MessageAttribute]
    /// `AWSTraceHeader`.
    public var traceHeader: String?
    /// How long it is hidden at first, seconds; nil for as long as the queue says.
    public var delaySeconds: Int?
    /// The group of a FIFO queue.
    public var groupID: ByteString?
    /// By what a FIFO queue knows a second send; nil for one that is made of the body where the queue wants it so.
    public var deduplicationID: ByteString?

    /// Attributes that a message may have.
    public static let maximumAttributes = 10
    /// The longest delay, seconds.
    public static let maximumDelaySeconds = 900
    /// Bytes of a group's, a deduplication's or an attempt's id.
    public static let tokenByteCounts = 1...128

    /// Makes a draft.
    public init(
        body: String,
        attributes: [MessageAttribute] = [],
        traceHeader: String? = nil,
        delaySeconds: Int? = nil,
        groupID: ByteString? = nil,
        deduplicationID: ByteString? = nil
    ) {
        self.body = body
        self.attributes = attributes
        self.traceHeader = traceHeader
        self.delaySeconds = delaySeconds
        self.groupID = groupID
        self.deduplicationID = deduplicationID
    }

    /// The message that a queue stores.
    /// - Parameters:
    ///   - queue: where it is sent to.
    ///   - nowNanoseconds: wall clock, since 1970.
    /// - Returns: the message, with a new id.
    /// - Throws: ``Violation``.
    public func message(for queue: MessageQueue, nowNanoseconds: UInt64) throws(Violation) -> QueueMessage {
        guard !body.isEmpty else { throw .missing(parameter: "MessageBody") }
        guard body.unicodeScalars.allSatisfy(MessageDraft.isAllowed) else { throw .contents }
        try MessageDraft.check(attributes)
        let delay = try delay(in: queue)
        if let groupID { try MessageDraft.checkToken(groupID, "MessageGroupId") }
        if let deduplicationID { try MessageDraft.checkToken(deduplicationID, "MessageDeduplicationId") }
        let message = QueueMessage(
            body: body,
            attributes: attributes,
            traceHeader: traceHeader,
            sentAtNanoseconds: nowNanoseconds,
            visibleAtNanoseconds: nowNanoseconds.saturatingAdd(UInt64(delay) * 1_000_000_000),
            groupID: groupID,
            deduplicationID: try deduplicationID(in: queue)
        )
        guard message.byteCount <= queue.attributes.maximumMessageBytes else {
            throw .invalid(
                "The message has \(message.byteCount) bytes; the queue takes \(queue.attributes.maximumMessageBytes)."
            )
        }
        return message
    }

    /// A group's, a deduplication's or an attempt's id: 1 to 128 letters, digits and punctuation marks of ASCII.
    /// - Throws: ``Violation``, with the parameter's name.
    public static func checkToken(_ token: ByteString, _ name: String) throws(Violation) {
        guard tokenByteCounts.contains(token.count), token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalid(
                "\(name) '\(token.string.printable(limit: 140))' isn't 1 to 128 letters, digits and punctuation marks."
            )
        }
    }

    /// The deduplication id that is made of a body (developer guide, "Using the message deduplication ID in Amazon SQS").
    public static func contentID(of body: String) -> ByteString {
        ByteString(
            SHA256.hash(data: Array(body.utf8)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
                .joined()
        )
    }

    /// The characters of XML 1.0 (API reference, "SendMessage").
    package static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// Checks what stands beside a message.
    /// - Throws: ``Violation`` with the attribute that isn't valid.
    package static func check(_ attributes: [MessageAttribute], maximum: Int = maximumAttributes) throws(Violation) {
        guard attributes.count <= maximum else {
            throw .invalid("A message has at most \(maximum) attributes; these are \(attributes.count).")
        }
        var names: Set<ByteString> = []
        for attribute in attributes {
            let name = attribute.name.string.printable(limit: 60)
            if case .string(let text) = attribute.value, !text.unicodeScalars.allSatisfy(MessageDraft.isAllowed) {
                throw .invalid("The attribute \(name) has control characters in its value.")
            }
            if let violation = attribute.violation {
                throw .invalid("The attribute \(name) isn't valid: \(violation).")
            }
            guard names.insert(attribute.name).inserted else {
                throw .invalid("The attribute \(name) stands there twice.")
            }
        }
    }

    private func delay(in queue: MessageQueue) throws(Violation) -> Int {
        guard let delaySeconds else { return queue.attributes.delaySeconds }
        guard (0...MessageDraft.maximumDelaySeconds).contains(delaySeconds) else {
            throw .invalid(
                "DelaySeconds=\(delaySeconds) isn't a whole number from 0 to \(MessageDraft.maximumDelaySeconds)."
            )
        }
        guard !queue.isFIFO || delaySeconds == queue.attributes.delaySeconds else {
            throw .invalid(
                "DelaySeconds=\(delaySeconds) isn't valid for a FIFO queue: its messages have the queue's delay."
            )
        }
        return delaySeconds
    }

    /// By what the queue knows a second send; nil for a standard queue.
    private func deduplicationID(in queue: MessageQueue) throws(Violation) -> ByteString? {
        guard let fifo = queue.attributes.fifo else {
            guard deduplicationID == nil else {
                throw .invalid("MessageDeduplicationId is for FIFO queues, and \(queue.id) is a standard queue.")
            }
            return nil
        }
        guard groupID != nil else { throw .missing(parameter: "MessageGroupId") }
        if let deduplicationID { return deduplicationID }
        guard fifo.isContentBased else {
            throw .invalid(
                "The queue \(queue.id) has no ContentBasedDeduplication, so that each message needs a MessageDeduplicationId."
            )
        }
        return MessageDraft.contentID(of: body)
    }
}

extension QueueID {
    /// The name of a message queue from outside: 1 to 80 letters, digits, '-' and '_', a FIFO queue's with `.fifo` at its end.
    ///
    /// - Returns: the name; nil for any other text.
    public static func messageQueue(named text: String) -> QueueID? {
        guard let queue = try? QueueID(ByteString(text)) else { return nil }
        let stem = queue.name.utf8.dropLast(FIFOAttributes.isName(queue) ? FIFOAttributes.nameSuffix.count : 0)
        return stem.isEmpty || stem.contains(UInt8(ascii: ".")) ? nil : queue
    }
}
