package import Deflate
package import FanOut
package import NIOCore
package import SluiceCore

/// A server-sent event as a part of a gzip stream, compressed once for all whose responses are compressed; in front of it stands what
/// ``ServerSentEventFormat`` has there, then its checksum and how many bytes it stands for.
package struct GzippedEventFormat: EventFormat {
    /// Its place among the gateway's formats.
    package static let id = EventFormatID(rawValue: 4)

    private let rule: CompressionRule

    /// `rule`: which events are compressed; the others are in the stream as they are.
    package init(rule: CompressionRule) { self.rule = rule }

    package func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: "data: ".utf8)
        EventEnvelope.appendLine(record, to: &scratch)
        scratch.append(contentsOf: "\n\n".utf8)
        ServerSentEventFormat.writeHead(of: record, to: &events)
        let place = events.writerIndex
        events.writeMultipleIntegers(UInt32(0), UInt32(truncatingIfNeeded: scratch.count))
        let checksum = scratch.withUnsafeBytes { GzipPart.append($0, rule, to: &events) }
        events.setInteger(checksum, at: place)
    }

    /// What is left of an event when what stands in front of it is taken off.
    static func part(_ event: ByteBuffer) -> GzipPart? {
        var blocks = event
        guard let (checksum, count) = blocks.readMultipleIntegers(as: (UInt32, UInt32).self) else { return nil }
        return GzipPart(blocks: blocks, checksum: checksum, plainByteCount: count)
    }
}

/// One compressed response of server-sent events: what is its own is in the stream beside the shared events, and nothing is compressed twice.
package struct GzippedFraming: StreamFraming {
    package var format: EventFormatID { GzippedEventFormat.id }

    private var events: ServerSentFraming
    private var stream = GzipStream()
    private let rule: CompressionRule

    /// A response that hasn't begun.
    package init(epoch: String, rule: CompressionRule) {
        events = ServerSentFraming(epoch: epoch)
        self.rule = rule
    }

    package mutating func keepAlive() -> ByteBuffer { append(events.keepAlive()) }

    package mutating func subscribed(
        _ topics: [SubscribedTopic],
        after known: [SequenceNumber?],
        json: [UInt8]
    ) -> ByteBuffer { append(events.subscribed(topics, after: known, json: json)) }

    package mutating func events(_ events: SharedEvents) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(events.bytes.readableBytes + 128)
        events.withEach { event in
            var event = event
            guard let id = self.events.readID(of: &event), let part = GzippedEventFormat.part(event) else { return }
            Array(id.utf8).withUnsafeBytes { stream.append($0, rule, to: &bytes) }
            stream.append(part, to: &bytes)
        }
        return bytes
    }

    package mutating func end(json: [UInt8], retryMilliseconds: Int) -> ByteBuffer {
        var bytes = append(events.end(json: json, retryMilliseconds: retryMilliseconds))
        stream.end(&bytes)
        return bytes
    }

    private mutating func append(_ own: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBuffer()
        own.withUnsafeReadableBytes { stream.append($0, rule, to: &bytes) }
        return bytes
    }
}
