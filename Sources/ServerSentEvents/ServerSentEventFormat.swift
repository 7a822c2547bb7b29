package import FanOut
package import NIOCore
package import SluiceCore

/// An event as a server-sent event (HTML standard, "Server-sent events"), without its id, which is each client's own.
///
/// In front of it stand its number and its topic, from which ``ServerSentFraming`` makes the id, and which it takes off.
package struct ServerSentEventFormat: EventFormat {
    /// Its place among the gateway's formats.
    package static let id = EventFormatID(rawValue: 3)

    package init() {}

    package func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        EventEnvelope.appendLine(record, to: &scratch)
        ServerSentEventFormat.writeHead(of: record, to: &events)
        events.writeStaticString("data: ")
        events.writeBytes(scratch)
        events.writeStaticString("\n\n")
    }

    /// Writes what stands in front of an event.
    static func writeHead(of record: ChangeRecord, to events: inout ByteBuffer) {
        events.writeInteger(record.sequence.rawValue)
        events.writeInteger(UInt16(truncatingIfNeeded: record.topic.name.utf8.count))
        events.writeString(record.topic.name)
    }

    /// Takes off what stands in front of an event.
    static func readHead(of event: inout ByteBuffer) -> (sequence: SequenceNumber, topic: ByteString)? {
        guard let sequence = event.readInteger(as: UInt64.self), let count = event.readInteger(as: UInt16.self),
            let topic = event.readBytes(length: Int(count))
        else { return nil }
        return (SequenceNumber(sequence), ByteString(decoding: topic))
    }
}
