import NIOCore
import SluiceCore

/// The frames of some records of one topic, one after the other in one buffer: built once, written to every subscriber
/// in one piece.
struct EventFrames {
    private var buffer = ByteBuffer()
    // Where each record's frame begins.
    private var starts: [Int] = []
    // A record's JSON before its length is known, in memory that is used again.
    private var json: [UInt8] = []
    private let encoding: EventEncoding

    init(encoding: EventEncoding) { self.encoding = encoding }

    /// Memory that is kept for the next frames, bytes; a burst's is given back.
    private static let keptCapacity = 64 * 1024

    /// Bytes of all frames.
    var byteCount: Int { buffer.readableBytes }

    /// Adds a record's frame.
    mutating func append(_ record: ChangeRecord) {
        starts.append(buffer.writerIndex)
        if encoding == .frames, record.contentType.embedding == .binary {
            appendBinary(record)
        } else {
            json.removeAll(keepingCapacity: true)
            EventEnvelope.appendJSON(record, to: &json)
            buffer.reserveCapacity(minimumWritableBytes: json.count + ServerFrame.headerByteCount(json.count))
            ServerFrame.writeHeader(.text, json.count, to: &buffer)
            buffer.writeBytes(json)
        }
    }

    /// The frames from the record at `index` on.
    func buffer(from index: Int) -> ByteBuffer {
        guard index > 0 else { return buffer }
        guard index < starts.count else { return ByteBuffer() }
        return buffer.getSlice(at: starts[index], length: buffer.writerIndex - starts[index]) ?? buffer
    }

    /// The bytes of the same.
    func withBytes<Result>(from index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = index < starts.count ? starts[index] - buffer.readerIndex : buffer.readableBytes
        return buffer.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Removes the frames of the oldest records; their memory is used again.
    mutating func removeFirst(_ count: Int) {
        guard count < starts.count else {
            starts.removeAll(keepingCapacity: true)
            if buffer.storageCapacity > EventFrames.keptCapacity { buffer = ByteBuffer() } else { buffer.clear() }
            return
        }
        buffer.moveReaderIndex(to: starts[count])
        starts.removeFirst(count)
        guard buffer.readerIndex > buffer.capacity / 2 else { return }
        let shift = buffer.readerIndex
        buffer.discardReadBytes()
        for index in starts.indices { starts[index] -= shift - buffer.readerIndex }
    }

    /// The header's length in four bytes, big-endian, the header, the payload as it is.
    private mutating func appendBinary(_ record: ChangeRecord) {
        var header: [UInt8] = []
        EventEnvelope.appendHeader(record, to: &header)
        let count = 4 + header.count + record.payload.count
        buffer.reserveCapacity(minimumWritableBytes: count + ServerFrame.headerByteCount(count))
        ServerFrame.writeHeader(.binary, count, to: &buffer)
        buffer.writeInteger(UInt32(truncatingIfNeeded: header.count))
        buffer.writeBytes(header)
        buffer.writeBytes(record.payload)
    }
}
