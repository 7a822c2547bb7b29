package import QueueEngine
import Queues
import SluiceCore

/// Sending messages.
extension SQSHandler {
    func send(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        let message = try message(input, of: queue)
        let places = try await awaiting { () async throws(QueueError) in try await service.send([message], to: id) }
        return JSONWriter.object { json in for place in places { sent(message, place, queue, &json) } }
    }

    func sendBatch(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        let entries = try SQSBatch.entries(of: input)
        var messages: [(id: String, message: QueueMessage)] = []
        var failed: [SQSBatch.Failure] = []
        var failedBytes = 0
        for entry in entries {
            do throws(SQSError) { messages.append((entry.id, try message(entry.input, of: queue))) } catch {
                failed.append(SQSBatch.Failure(id: entry.id, error: error))
                failedBytes += (try? entry.input.text("MessageBody"))?.utf8.count ?? 0
            }
        }
        guard messages.reduce(failedBytes, { $0 + $1.message.byteCount }) <= SQSHandler.maximumBatchBytes else {
            throw SQSError(
                "BatchRequestTooLong",
                query: "AWS.SimpleQueueService.BatchRequestTooLong",
                "The batch's messages are longer than \(SQSHandler.maximumBatchBytes) bytes together."
            )
        }
        let stored = messages.map(\.message)
        var places: [MessagePlace] = []
        if !stored.isEmpty {
            places = try await awaiting { () async throws(QueueError) in try await service.send(stored, to: id) }
        }
        return SQSBatch.results(failed) { json in
            for ((id, message), place) in zip(messages, places) {
                json.object { json in
                    json.member("Id", id)
                    sent(message, place, queue, &json)
                }
            }
        }
    }

    /// Reads a message and checks it.
    private func message(_ input: SQSInput, of queue: MessageQueue) throws(SQSError) -> QueueMessage {
        let body = try input.requiredText("MessageBody")
        guard !body.isEmpty else { throw .missing("MessageBody") }
        guard body.unicodeScalars.allSatisfy(SQSHandler.isAllowed) else {
            throw SQSError(
                "InvalidMessageContents",
                "The message has characters that aren't allowed: control characters but tab, line feed and carriage return."
            )
        }
        let attributes = try SQSHandler.messageAttributes(input)
        let delay = try delaySeconds(input, of: queue)
        let group = try input.token("MessageGroupId")
        let deduplicationID = try deduplicationID(input, body, group, of: queue)
        let now = StageClock.wallNanoseconds()
        let message = QueueMessage(
            body: body,
            attributes: attributes,
            traceHeader: try traceHeader(input),
            sentAtNanoseconds: now,
            visibleAtNanoseconds: now + UInt64(delay) * 1_000_000_000,
            groupID: group,
            deduplicationID: deduplicationID
        )
        guard message.byteCount <= queue.attributes.maximumMessageBytes else {
            throw .invalid(
                "The message has \(message.byteCount) bytes; the queue takes \(queue.attributes.maximumMessageBytes)."
            )
        }
        return message
    }

    private func delaySeconds(_ input: SQSInput, of queue: MessageQueue) throws(SQSError) -> Int {
        let asked = try input.number("DelaySeconds", 0...900)
        if queue.isFIFO, let asked, asked != queue.attributes.delaySeconds {
            throw .invalid("DelaySeconds=\(asked) isn't valid for a FIFO queue: its messages have the queue's delay.")
        }
        return asked ?? queue.attributes.delaySeconds
    }

    /// By what the queue knows a second send; nil for a standard queue.
    private func deduplicationID(
        _ input: SQSInput,
        _ body: String,
        _ group: ByteString?,
        of queue: MessageQueue
    ) throws(SQSError) -> ByteString? {
        let asked = try input.token("MessageDeduplicationId")
        guard let fifo = queue.attributes.fifo else {
            guard asked == nil else {
                throw .invalid("MessageDeduplicationId is for FIFO queues, and \(queue.id) is a standard queue.")
            }
            return nil
        }
        guard group != nil else { throw .missing("MessageGroupId") }
        if let asked { return asked }
        guard fifo.isContentBased else {
            throw .invalid(
                "The queue \(queue.id) has no ContentBasedDeduplication, so that each message needs a MessageDeduplicationId."
            )
        }
        return ByteString(MessageDigest.contentID(body))
    }

    /// The deduplication id of a text that has none of its own.
    package static func contentID(_ text: String) -> String { MessageDigest.contentID(text) }

    /// Reads the attributes of a message.
    /// - Throws: ``SQSError`` with the one that isn't valid.
    package static func messageAttributes(
        _ input: SQSInput,
        maximum: Int = 10
    ) throws(SQSError) -> [MessageAttribute] {
        let members = try input.objectMap("MessageAttributes")
        guard members.count <= maximum else {
            throw .invalid("A message has at most \(maximum) attributes; these are \(members.count).")
        }
        var attributes: [MessageAttribute] = []
        for (name, value) in members {
            let type = try value.requiredText("DataType")
            let text = try value.text("StringValue")
            let encoded = try value.text("BinaryValue")
            let found: MessageAttribute.Value
            switch (text, encoded.map({ Base64.decode(Array($0.utf8)) })) {
            case (let text?, nil) where text.unicodeScalars.allSatisfy(SQSHandler.isAllowed): found = .string(text)
            case (nil, let bytes??): found = .binary(bytes)
            default:
                throw .invalid(
                    """
                    The attribute \(name.string.printable(limit: 60)) has one of StringValue, without control characters, and BinaryValue, \
                    in base64.
                    """
                )
            }
            let attribute = MessageAttribute(name: name, type: type, value: found)
            if let violation = attribute.violation {
                throw .invalid("The attribute \(name.string.printable(limit: 60)) isn't valid: \(violation).")
            }
            attributes.append(attribute)
        }
        return attributes
    }

    private func traceHeader(_ input: SQSInput) throws(SQSError) -> String? {
        let members = try input.objectMap("MessageSystemAttributes")
        guard let header = members.first else { return nil }
        guard members.count == 1, header.name == "AWSTraceHeader" else {
            throw .invalid("AWSTraceHeader is the one system attribute that a sender may set.")
        }
        return try header.value.requiredText("StringValue")
    }

    /// The characters of XML 1.0 (API reference, "SendMessage").
    package static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private func sent(_ message: QueueMessage, _ place: MessagePlace, _ queue: MessageQueue, _ json: inout JSONWriter) {
        json.member("MessageId", place.id.description)
        if queue.isFIFO { json.member("SequenceNumber", SQSHandler.sequenceNumber(place.ordinal)) }
        json.member("MD5OfMessageBody", MessageDigest.body(message.body))
        if let digest = MessageDigest.attributes(message.attributes) { json.member("MD5OfMessageAttributes", digest) }
        if let digest = MessageDigest.systemAttributes(message.traceHeader) {
            json.member("MD5OfMessageSystemAttributes", digest)
        }
    }
}
