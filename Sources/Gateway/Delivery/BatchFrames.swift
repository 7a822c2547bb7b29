import NIOCore

/// The frames of a batch in each encoding that a subscriber wants, built when the first one wants it.
struct BatchFrames {
    private let batch: TopicBatch
    private var base64: EventFrames?
    private var binary: EventFrames?

    init(_ batch: TopicBatch) { self.batch = batch }

    /// The frames from the record at `start` on.
    mutating func buffer(_ encoding: EventEncoding, from start: Int) -> ByteBuffer {
        switch encoding {
        case .base64:
            if let base64 { return base64.buffer(from: start) }
            let made = make(encoding)
            base64 = made
            return made.buffer(from: start)
        case .frames:
            if let binary { return binary.buffer(from: start) }
            let made = make(encoding)
            binary = made
            return made.buffer(from: start)
        }
    }

    private func make(_ encoding: EventEncoding) -> EventFrames {
        var frames = EventFrames(encoding: encoding)
        for item in batch.items { frames.append(item.record) }
        return frames
    }
}
