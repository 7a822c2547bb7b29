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

    /// Reads a message; the queue's rules check it.
    private func message(_ input: SQSInput, of queue: MessageQueue) throws(SQSError) -> QueueMessage {
        let draft = MessageDraft(
            body: try input.requiredText("MessageBody"),
            attributes: try SQSHandler.messageAttributes(input),
            traceHeader: try traceHeader(input),
            delaySeconds: try input.number("DelaySeconds", 0...MessageDraft.maximumDelaySeconds),
            groupID: try input.token("MessageGroupId"),
            deduplicationID: try input.token("MessageDeduplicationId")
        )
        do throws(MessageDraft.Violation) {
            return try draft.message(for: queue, nowNanoseconds: StageClock.wallNanoseconds())
        } catch {
            throw SQSError(error)
        }
    }

    /// Reads the attributes of a message; `MessageDraft` checks them.
    /// - Throws: ``SQSError`` with the one that has no value.
    package static func messageAttributes(_ input: SQSInput) throws(SQSError) -> [MessageAttribute] {
        let members = try input.objectMap("MessageAttributes")
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
                    "The attribute \(name.string.printable(limit: 60)) has one of StringValue and BinaryValue, in base64."
                )
            }
            attributes.append(MessageAttribute(name: name, type: type, value: found))
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
