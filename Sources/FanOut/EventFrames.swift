import NIOCore
import SluiceCore

/// The events of some records of one topic in one format, one after the other in one buffer: built once, written to every subscriber in one piece.
struct EventFrames {
    private let format: any EventFormat
    private var buffer = ByteBuffer()
    // Where each record's event begins.
    private var starts: [Int] = []
    // Memory that is used again.
    private var scratch: [UInt8] = []

    /// Memory that is kept for the next events, bytes; a burst's is given back.
    private static let keptCapacity = 64 * 1024

    /// No events yet.
    init(_ format: any EventFormat) { self.format = format }

    /// Bytes of all events.
    var byteCount: Int { buffer.readableBytes }

    /// Adds a record's event.
    mutating func append(_ record: ChangeRecord) {
        starts.append(buffer.writerIndex)
        format.append(record, to: &buffer, scratch: &scratch)
    }

    /// The events from the record at `index` on.
    ///
    /// Mutating so that it works in place: an element of an array would be copied for it, once for each subscriber.
    mutating func events(from index: Int) -> SharedEvents {
        guard index < starts.count else { return SharedEvents(bytes: ByteBuffer(), starts: []) }
        let start = starts[index]
        let bytes = index == 0 ? buffer : buffer.getSlice(at: start, length: buffer.writerIndex - start) ?? buffer
        return SharedEvents(bytes: bytes, starts: starts[index...])
    }

    /// Their bytes.
    func withBytes<Result>(from index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = index < starts.count ? starts[index] - buffer.readerIndex : buffer.readableBytes
        return buffer.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Removes the events of the oldest records; their memory is used again.
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
}

/// The events of one topic's records in each format that a subscriber wants, built when the first one wants it.
struct TopicFrames {
    private let formats: [any EventFormat]
    // Kept until they are removed, for a format that is wanted later.
    private var records: [ChangeRecord] = []
    // A bit for each format that somebody has wanted, by its id; then their events in the order of the ids: one, nearly always.
    private var wanted: UInt64 = 0
    private var built: [EventFrames] = []

    /// `formats`: those that are registered, by their ids, which are below 64.
    init(_ formats: [any EventFormat]) { self.formats = formats }

    /// Adds the event of a record.
    mutating func append(_ record: ChangeRecord) {
        records.append(record)
        for index in built.indices { built[index].append(record) }
    }

    /// Removes the oldest events.
    mutating func removeFirst(_ count: Int) {
        records.removeFirst(count)
        for index in built.indices { built[index].removeFirst(count) }
    }

    /// The bytes of the events from the record at `first` on, in one piece.
    mutating func withBytes<Result>(
        _ format: EventFormatID,
        from first: Int,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result { built[index(of: format)].withBytes(from: first, body) }

    /// The same for a subscriber to write.
    mutating func events(_ format: EventFormatID, from first: Int) -> SharedEvents {
        built[index(of: format)].events(from: first)
    }

    /// The place of a format's events, which are built when they are wanted for the first time.
    private mutating func index(of format: EventFormatID) -> Int {
        let bit = UInt64(1) << UInt64(format.rawValue)
        let index = (wanted & (bit &- 1)).nonzeroBitCount
        guard wanted & bit == 0 else { return index }
        var frames = EventFrames(formats[Int(format.rawValue)])
        for record in records { frames.append(record) }
        built.insert(frames, at: index)
        wanted |= bit
        return index
    }
}
