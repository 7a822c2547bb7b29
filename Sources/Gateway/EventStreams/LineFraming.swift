import FanOut
import NIOCore
import SluiceCore

/// An event as a line of JSON.
struct LineEventFormat: EventFormat {
    /// Its place among ``EventFormats/plain``.
    static let id = EventFormatID(rawValue: 2)

    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        EventEnvelope.appendLine(record, to: &scratch)
        scratch.append(UInt8(ascii: "\n"))
        events.writeBytes(scratch)
    }
}

/// A stream of lines: what it shares with others is all that it writes.
struct LineFraming: StreamFraming {
    var format: EventFormatID { LineEventFormat.id }
    func keepAlive() -> ByteBuffer { ByteBuffer(string: "\n") }

    func subscribed(_ topics: [SubscribedTopic], after known: [SequenceNumber?], json: [UInt8]) -> ByteBuffer {
        ByteBuffer(bytes: json + [UInt8(ascii: "\n")])
    }

    func events(_ events: SharedEvents) -> ByteBuffer { events.bytes }

    func end(json: [UInt8], retryMilliseconds: Int) -> ByteBuffer { ByteBuffer(bytes: json + [UInt8(ascii: "\n")]) }
}
