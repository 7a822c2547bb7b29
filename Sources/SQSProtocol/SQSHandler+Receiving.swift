import QueueEngine
import Queues
import SluiceCore

/// Receiving messages.
extension SQSHandler {
    func receive(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let maximum = try input.number("MaxNumberOfMessages", 1...10) ?? 1
        let visibility = try input.number("VisibilityTimeout", 0...43_200)
        let wait = try input.number("WaitTimeSeconds", 0...20)
        let system = try input.list("AttributeNames") + input.list("MessageSystemAttributeNames")
        let wanted = try input.list("MessageAttributeNames")
        let attempt = try input.token("ReceiveRequestAttemptId")
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        if attempt != nil, !queue.isFIFO {
            throw .invalid("ReceiveRequestAttemptId is for FIFO queues, and \(id) is a standard queue.")
        }
        let received = try await awaiting { () async throws(QueueError) in
            try await service.receive(
                from: id,
                maximum: maximum,
                visibilitySeconds: visibility,
                waitSeconds: wait,
                attemptID: attempt
            )
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
        if let group = message.groupID { values.append(("MessageGroupId", group.string)) }
        if let id = message.deduplicationID {
            values.append(("MessageDeduplicationId", id.string))
            values.append(("SequenceNumber", SQSHandler.sequenceNumber(received.handle.ordinal)))
        }
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
}
