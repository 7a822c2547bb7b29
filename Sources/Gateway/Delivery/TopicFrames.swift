import NIOCore
import SluiceCore

/// The frames of one topic's records in each encoding that a subscriber wants, built when the first one wants it.
struct TopicFrames {
    // Kept until they are removed, for an encoding that is wanted later.
    private var records: [ChangeRecord] = []
    private var base64: EventFrames?
    private var binary: EventFrames?

    /// Adds the frame of a record.
    mutating func append(_ record: ChangeRecord) {
        records.append(record)
        base64?.append(record)
        binary?.append(record)
    }

    /// Removes the oldest frames.
    mutating func removeFirst(_ count: Int) {
        records.removeFirst(count)
        base64?.removeFirst(count)
        binary?.removeFirst(count)
    }

    /// The frames from the record at `first` on, in one piece.
    mutating func withBytes<Result>(
        _ encoding: EventEncoding,
        from first: Int,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        build(encoding)
        switch encoding {
        case .base64: return base64?.withBytes(from: first, body)
        case .frames: return binary?.withBytes(from: first, body)
        }
    }

    /// The same as a buffer.
    mutating func buffer(_ encoding: EventEncoding, from first: Int) -> ByteBuffer {
        build(encoding)
        switch encoding {
        case .base64: return base64?.buffer(from: first) ?? ByteBuffer()
        case .frames: return binary?.buffer(from: first) ?? ByteBuffer()
        }
    }

    private mutating func build(_ encoding: EventEncoding) {
        switch encoding {
        case .base64 where base64 == nil: base64 = make(encoding)
        case .frames where binary == nil: binary = make(encoding)
        case .base64, .frames: break
        }
    }

    private func make(_ encoding: EventEncoding) -> EventFrames {
        var frames = EventFrames(encoding: encoding)
        for record in records { frames.append(record) }
        return frames
    }
}
