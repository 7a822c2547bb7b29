import Deflate
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
    /// How events are compressed; nil: not at all.
    var compression: MessageCompression?

    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        if encoding == .frames, record.contentType.embedding == .binary {
            appendBinary(record, to: &events, scratch: &scratch)
        } else {
            EventEnvelope.appendJSON(record, to: &scratch)
            scratch.withUnsafeBytes { ServerFrame.write(.text, $0, compression, to: &events) }
        }
    }

    /// The header's length in four bytes, big-endian, the header, the payload as it is.
    private func appendBinary(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        EventEnvelope.appendHeader(record, to: &scratch)
        if compression != nil { return appendCompressed(record, to: &events, scratch: &scratch) }
        let count = 4 + scratch.count + record.payload.count
        events.reserveCapacity(minimumWritableBytes: count + ServerFrame.headerByteCount(count))
        ServerFrame.writeHeader(.binary, count, to: &events)
        events.writeInteger(UInt32(truncatingIfNeeded: scratch.count))
        events.writeBytes(scratch)
        events.writeBytes(record.payload)
    }

    /// The same, with the JSON header in `scratch`; a compressor takes what is in one piece.
    private func appendCompressed(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        let length = UInt32(truncatingIfNeeded: scratch.count)
        scratch.insert(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }, at: 0)
        scratch.append(contentsOf: record.payload)
        scratch.withUnsafeBytes { ServerFrame.write(.binary, $0, compression, to: &events) }
    }
}

/// The formats that a gateway's subscribers may want, by their ids.
enum EventFormats {
    /// Those without compression.
    static let plain: [any EventFormat] = [
        SluiceV1EventFormat(encoding: .base64), SluiceV1EventFormat(encoding: .frames),
        LineEventFormat(), ServerSentEventFormat(),
    ]
    /// The id of the first that is compressed for WebSockets; the others follow by window and encoding.
    static let firstDeflated = UInt8(plain.count + 1)

    /// All of them.
    static func all(_ compression: EventCompression) -> [any EventFormat] {
        let deflated = DeflateWindow.allCases.flatMap { window in
            [EventEncoding.base64, .frames].map { encoding in
                SluiceV1EventFormat(
                    encoding: encoding,
                    compression: MessageCompression(rule: compression.webSocket, window: window)
                )
            }
        }
        return plain + [GzippedEventFormat(rule: compression.serverSent)] + deflated
    }
}

extension EventEncoding {
    /// The format's id without compression: its place in ``EventFormats/plain``.
    var formatID: EventFormatID { EventFormatID(rawValue: rawValue) }
}
