package import SluiceCore

/// A change record as the message that it is in publishers' dead letters: the event as clients get it is the body, what happened to it stands in
/// attributes, and one of them is the record itself, so that a redrive publishes it again as it was.
package enum RecordMessage {
    /// The attribute that has the encoded record.
    private static let recordName: ByteString = "sluice.record"

    /// The message of a record.
    /// - Parameters:
    ///   - encoded: the record, as the log stores it; one that is damaged has an empty body.
    ///   - queue: the publishers' queue.
    ///   - receiveCount: how often it was received.
    ///   - reason: why it was given up.
    ///   - now: the wall clock, nanoseconds since 1970.
    /// - Returns: the message, in the group of its topic for a FIFO queue.
    package static func message(
        of encoded: EncodedRecord,
        from queue: QueueID,
        receiveCount: Int,
        reason: String,
        nowNanoseconds now: UInt64
    ) -> QueueMessage {
        let record = encoded.bytes.withUnsafeBytes { try? RecordCodec.decode($0) }
        let attributes = [
            MessageAttribute(name: "sluice.topic", type: "String", value: .string(encoded.topic.name)),
            MessageAttribute(name: "sluice.sequence", type: "Number", value: .string("\(encoded.sequence.rawValue)")),
            MessageAttribute(name: "sluice.queue", type: "String", value: .string(queue.description)),
            MessageAttribute(name: "sluice.receiveCount", type: "Number", value: .string("\(receiveCount)")),
            MessageAttribute(name: "sluice.reason", type: "String", value: .string(reason)),
            MessageAttribute(name: recordName, type: "Binary", value: .binary(encoded.bytes)),
        ]
        return QueueMessage(
            body: record.map(body) ?? "{}",
            attributes: attributes,
            sentAtNanoseconds: now,
            visibleAtNanoseconds: now,
            deadLetterSource: queue
        )
    }

    /// Whether a message is one of a record.
    package static func isRecord(_ message: QueueMessage) -> Bool {
        message.attributes.contains { $0.name == recordName }
    }

    /// The record of such a message; nil for every other message, and when the record is damaged.
    package static func record(of message: QueueMessage) -> ChangeRecord? {
        guard let attribute = message.attributes.first(where: { $0.name == recordName }),
            case .binary(let bytes) = attribute.value
        else { return nil }
        return bytes.withUnsafeBytes { try? RecordCodec.decode($0) }
    }

    private static func body(_ record: ChangeRecord) -> String {
        let json = JSONWriter.object { json in
            json.member("topic", record.topic.name)
            json.member("sequence", record.sequence.rawValue)
            json.member("previous", record.previous.rawValue)
            json.member("contentType", record.contentType.value)
            json.name("data")
            if json.payload(record.payload, record.contentType) { json.member("encoding", "base64") }
        }
        return String(decoding: json, as: UTF8.self)
    }
}
