import QueueEngine
import Queues
import SluiceCore

/// The actions on messages.
extension SQSHandler {
    func send(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        let message = try message(input, of: queue)
        _ = try await awaiting { () async throws(QueueError) in try await service.send([message], to: id) }
        return JSONWriter.object { sent(message, &$0) }
    }

    func sendBatch(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        let entries = try batch(input)
        var messages: [(id: String, message: QueueMessage)] = []
        var failed: [BatchFailure] = []
        var failedBytes = 0
        for entry in entries {
            do throws(SQSError) { messages.append((entry.id, try message(entry.input, of: queue))) } catch {
                failed.append(BatchFailure(id: entry.id, error: error))
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
        if !stored.isEmpty {
            _ = try await awaiting { () async throws(QueueError) in try await service.send(stored, to: id) }
        }
        return results(failed) { json in
            for (id, message) in messages {
                json.object { json in
                    json.member("Id", id)
                    sent(message, &json)
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
        for name in ["MessageGroupId", "MessageDeduplicationId"] as [ByteString] where try input.text(name) != nil {
            throw .invalid("\(name) is for FIFO queues, which aren't offered yet.")
        }
        let attributes = try messageAttributes(input)
        let delay = try input.number("DelaySeconds", 0...900) ?? queue.attributes.delaySeconds
        let now = StageClock.wallNanoseconds()
        let message = QueueMessage(
            body: body,
            attributes: attributes,
            traceHeader: try traceHeader(input),
            sentAtNanoseconds: now,
            visibleAtNanoseconds: now + UInt64(delay) * 1_000_000_000
        )
        guard message.byteCount <= queue.attributes.maximumMessageBytes else {
            throw .invalid(
                "The message has \(message.byteCount) bytes; the queue takes \(queue.attributes.maximumMessageBytes)."
            )
        }
        return message
    }

    private func messageAttributes(_ input: SQSInput) throws(SQSError) -> [MessageAttribute] {
        let members = try input.objectMap("MessageAttributes")
        guard members.count <= 10 else {
            throw .invalid("A message has at most 10 attributes; these are \(members.count).")
        }
        var attributes: [MessageAttribute] = []
        for (name, value) in members {
            let type = try value.requiredText("DataType")
            let text = try value.text("StringValue")
            let encoded = try value.text("BinaryValue")
            let found: MessageAttribute.Value
            switch (text, encoded.map({ Base64.decode(Array($0.utf8)) })) {
            case (let text?, nil): found = .string(text)
            case (nil, let bytes??): found = .binary(bytes)
            default:
                throw .invalid(
                    "The attribute \(name.string.printable(limit: 60)) has one of StringValue and BinaryValue, the latter in base64."
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
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private func sent(_ message: QueueMessage, _ json: inout JSONWriter) {
        json.member("MessageId", message.id.description)
        json.member("MD5OfMessageBody", MessageDigest.body(message.body))
        if let digest = MessageDigest.attributes(message.attributes) { json.member("MD5OfMessageAttributes", digest) }
        if let digest = MessageDigest.systemAttributes(message.traceHeader) {
            json.member("MD5OfMessageSystemAttributes", digest)
        }
    }

    // MARK: - Receiving

    func receive(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let maximum = try input.number("MaxNumberOfMessages", 1...10) ?? 1
        let visibility = try input.number("VisibilityTimeout", 0...43_200)
        let wait = try input.number("WaitTimeSeconds", 0...20)
        let system = try input.list("AttributeNames") + input.list("MessageSystemAttributeNames")
        let wanted = try input.list("MessageAttributeNames")
        let received = try await awaiting { () async throws(QueueError) in
            try await service.receive(from: id, maximum: maximum, visibilitySeconds: visibility, waitSeconds: wait)
        }
        return JSONWriter.object { json in
            guard !received.isEmpty else { return }
            json.name("Messages")
            json.array { json in for one in received { json.object { write(one, system, wanted, &$0) } } }
        }
    }

    private func write(
        _ received: ReceivedMessage,
        _ system: [ByteString],
        _ wanted: [ByteString],
        _ json: inout JSONWriter
    ) {
        let message = received.message
        json.member("MessageId", message.id.description)
        json.member("ReceiptHandle", received.handle.text)
        json.member("MD5OfBody", MessageDigest.body(message.body))
        json.member("Body", message.body)
        var values: [(name: String, value: String)] = [
            ("SenderId", QueueARN.account),
            ("SentTimestamp", SQSHandler.milliseconds(message.sentAtNanoseconds)),
            ("ApproximateReceiveCount", "\(received.entry.receiveCount)"),
            ("ApproximateFirstReceiveTimestamp", SQSHandler.milliseconds(received.entry.firstReceivedAtNanoseconds)),
        ]
        if let header = message.traceHeader { values.append(("AWSTraceHeader", header)) }
        if let source = message.deadLetterSource {
            values.append(("DeadLetterQueueSourceArn", QueueARN.text(of: source)))
        }
        let asked = system.contains("All") ? values : values.filter { system.contains(ByteString($0.name)) }
        if !asked.isEmpty {
            json.name("Attributes")
            json.object { json in for (name, value) in asked { json.member(name, value) } }
        }
        let attributes = message.attributes.filter { SQSHandler.isWanted($0.name, wanted) }
        guard !attributes.isEmpty else { return }
        json.member("MD5OfMessageAttributes", MessageDigest.attributes(attributes))
        json.name("MessageAttributes")
        json.object { json in
            for attribute in attributes {
                json.name(attribute.name.string)
                json.object { json in
                    json.member("DataType", attribute.type)
                    switch attribute.value {
                    case .string(let text): json.member("StringValue", text)
                    case .binary(let bytes):
                        var encoded: [UInt8] = []
                        Base64.append(bytes, to: &encoded)
                        json.member("BinaryValue", String(decoding: encoded, as: UTF8.self))
                    }
                }
            }
        }
    }

    /// Names, `All`, `.*`, and prefixes such as `bar.*` (API reference, "ReceiveMessage").
    private static func isWanted(_ name: ByteString, _ wanted: [ByteString]) -> Bool {
        wanted.contains { asked in
            if asked == "All" || asked == ".*" || asked == name { return true }
            let bytes = Array(asked.utf8)
            return bytes.suffix(2).elementsEqual(".*".utf8) && name.utf8.starts(with: bytes.dropLast(2))
        }
    }

    // MARK: - Handles

    func delete(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        try check(handle, of: id)
        _ = try await awaiting { () async throws(QueueError) in try await service.delete([handle]) }
        return SQSHandler.empty
    }

    func deleteBatch(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let (handles, failed) = try handles(try batch(input), of: id)
        let all = handles.map(\.handle)
        if !all.isEmpty { _ = try await awaiting { () async throws(QueueError) in try await service.delete(all) } }
        return results(failed) { json in for one in handles { json.object { $0.member("Id", one.id) } } }
    }

    func changeVisibility(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        guard let seconds = try input.number("VisibilityTimeout", 0...43_200) else {
            throw .missing("VisibilityTimeout")
        }
        try check(handle, of: id)
        let result = try asking { () throws(QueueError) in try service.changeVisibility([(handle, seconds)]) }
        if let error = result.first ?? nil { throw SQSError(error) }
        return SQSHandler.empty
    }

    func changeVisibilityBatch(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let entries = try batch(input)
        var (handles, failed) = try handles(entries, of: id)
        var changes: [(handle: MessageHandle, seconds: Int)] = []
        for one in handles {
            do throws(SQSError) {
                changes.append((one.handle, try one.input.number("VisibilityTimeout", 0...43_200) ?? 0))
            } catch {
                failed.append(BatchFailure(id: one.id, error: error))
            }
        }
        handles.removeAll { one in failed.contains { $0.id == one.id } }
        let asked = changes
        let outcomes = try asking { () throws(QueueError) in try service.changeVisibility(asked) }
        for (one, error) in zip(handles, outcomes) {
            if let error { failed.append(BatchFailure(id: one.id, error: SQSError(error))) }
        }
        return results(failed) { json in
            for (one, error) in zip(handles, outcomes) where error == nil { json.object { $0.member("Id", one.id) } }
        }
    }

    /// A handle of another queue is none.
    private func check(_ handle: MessageHandle, of id: QueueID) throws(SQSError) {
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        guard handle.queue == queue.number else {
            throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(id).")
        }
    }

    private typealias BatchHandle = (id: String, input: SQSInput, handle: MessageHandle)

    private func handles(
        _ entries: [BatchEntry],
        of id: QueueID
    ) throws(SQSError) -> (handles: [BatchHandle], failed: [BatchFailure]) {
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        var handles: [BatchHandle] = []
        var failed: [BatchFailure] = []
        for entry in entries {
            do throws(SQSError) {
                let handle = try entry.input.handle()
                guard handle.queue == queue.number else {
                    throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(id).")
                }
                handles.append((entry.id, entry.input, handle))
            } catch {
                failed.append(BatchFailure(id: entry.id, error: error))
            }
        }
        return (handles, failed)
    }

    // MARK: - Batches

    private struct BatchEntry {
        let id: String
        let input: SQSInput
    }

    private struct BatchFailure {
        let id: String
        let error: SQSError
    }

    /// The entries of a batch: one to ten, each with an id of its own (API reference, "SendMessageBatch").
    private func batch(_ input: SQSInput) throws(SQSError) -> [BatchEntry] {
        let prefix = "AWS.SimpleQueueService."
        guard let objects = try input.objects("Entries", maximum: 10), !objects.isEmpty else {
            throw SQSError("EmptyBatchRequest", query: prefix + "EmptyBatchRequest", "The batch has no entries.")
        }
        guard objects.count <= 10 else {
            throw SQSError(
                "TooManyEntriesInBatchRequest",
                query: prefix + "TooManyEntriesInBatchRequest",
                "A batch has at most 10 entries."
            )
        }
        var entries: [BatchEntry] = []
        for object in objects {
            let id = try object.requiredText("Id")
            let isValid =
                (1...80).contains(id.utf8.count) && (try? QueueID(ByteString(id))) != nil
                && !id.utf8.contains(UInt8(ascii: "."))
            guard isValid else {
                throw SQSError(
                    "InvalidBatchEntryId",
                    query: prefix + "InvalidBatchEntryId",
                    "An entry's Id has 1 to 80 letters, digits, '-' and '_'."
                )
            }
            guard !entries.contains(where: { ByteString($0.id) == ByteString(id) }) else {
                throw SQSError(
                    "BatchEntryIdsNotDistinct",
                    query: prefix + "BatchEntryIdsNotDistinct",
                    "The Id \(id) stands there twice."
                )
            }
            entries.append(BatchEntry(id: id, input: object))
        }
        return entries
    }

    private func results(_ failed: [BatchFailure], _ successful: (inout JSONWriter) -> Void) -> [UInt8] {
        JSONWriter.object { json in
            json.name("Successful")
            json.array(successful)
            json.name("Failed")
            json.array { json in
                for failure in failed {
                    json.object { json in
                        json.member("Id", failure.id)
                        json.member("SenderFault", !failure.error.isServerFault)
                        json.member("Code", failure.error.shape)
                        json.member("Message", failure.error.message)
                    }
                }
            }
        }
    }
}
