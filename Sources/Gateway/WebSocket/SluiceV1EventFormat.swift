import FanOut
import NIOCore
import ServerSentEvents
import SluiceCore

/// How a subscriber wants binary payloads; JSON and text come the same either way.
enum EventEncoding: UInt8, Sendable {
    /// As base64 in the event's JSON.
    case base64
    /// As binary frames, see docs/protocol.md.
    case frames

    /// Reads `binary` of a subscribe or of the connect URL.
    /// - Throws: `InvalidRequest`.
    init(parameter: ByteString) throws(APIError) {
        switch parameter {
        case "base64": self = .base64
        case "frames": self = .frames
        default:
            throw APIError(
                .invalidRequest,
                "'binary' must be 'frames' or 'base64', not '\(parameter.string.printable(limit: 40))'."
            )
        }
    }
}

/// An event of `sluice.v1` as a WebSocket frame.
struct SluiceV1EventFormat: EventFormat {
    /// How binary payloads come.
    let encoding: EventEncoding

    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        if encoding == .frames, record.contentType.embedding == .binary {
            appendBinary(record, to: &events, scratch: &scratch)
        } else {
            EventEnvelope.appendJSON(record, to: &scratch)
            events.reserveCapacity(minimumWritableBytes: scratch.count + ServerFrame.headerByteCount(scratch.count))
            ServerFrame.writeHeader(.text, scratch.count, to: &events)
            events.writeBytes(scratch)
        }
    }

    /// The header's length in four bytes, big-endian, the header, the payload as it is.
    private func appendBinary(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        EventEnvelope.appendHeader(record, to: &scratch)
        let count = 4 + scratch.count + record.payload.count
        events.reserveCapacity(minimumWritableBytes: count + ServerFrame.headerByteCount(count))
        ServerFrame.writeHeader(.binary, count, to: &events)
        events.writeInteger(UInt32(truncatingIfNeeded: scratch.count))
        events.writeBytes(scratch)
        events.writeBytes(record.payload)
    }
}

/// The formats that a gateway's subscribers may want, by their ids.
enum EventFormats {
    static let all: [any EventFormat] = [
        SluiceV1EventFormat(encoding: .base64), SluiceV1EventFormat(encoding: .frames),
        LineEventFormat(), ServerSentEventFormat(),
    ]
}

extension EventEncoding {
    /// The format's id: its place in ``EventFormats/all``.
    var formatID: EventFormatID { EventFormatID(rawValue: rawValue) }
}
