import ChangeQueue
import NIOCore
import SluiceCore

/// Reads topics' histories from the log.
///
/// Called on threads that may block, and for small holes on an event loop.
struct HistoryReader: Sendable {
    /// Walks a chain from its head; `LogReader.history` outside tests.
    let walk:
        @Sendable (_ topic: Topic, _ head: SequenceNumber, _ after: SequenceNumber, _ limit: Int) throws -> TopicHistory
    /// A record; nil when it was trimmed.
    let record: @Sendable (SequenceNumber) throws -> ChangeRecord?
    /// The newest number of the whole log.
    let lastSequence: @Sendable () throws -> SequenceNumber

    /// Reads and encodes records until `maximumBytes` are reached, at least one.
    /// - Returns: the frames and how many of `sequences` they cover, those included that were trimmed.
    func slice(
        _ sequences: [SequenceNumber],
        _ encoding: EventEncoding,
        maximumBytes: Int
    ) throws -> (frames: ByteBuffer, count: Int) {
        var frames = EventFrames(encoding: encoding)
        var count = 0
        for sequence in sequences {
            if let record = try record(sequence) { frames.append(record) }
            count += 1
            if frames.byteCount >= maximumBytes { break }
        }
        return (frames.buffer(from: 0), count)
    }

    /// The records between a topic's position and a record that came too early; nil when they are more than the limits
    /// and every subscriber has to catch up by itself.
    func fill(
        _ topic: Topic,
        before previous: SequenceNumber,
        after position: SequenceNumber,
        maximumRecords: Int,
        maximumBytes: Int
    ) throws -> [ChangeRecord]? {
        let history = try walk(topic, previous, position, maximumRecords)
        if history.gap != nil, history.sequences.count >= maximumRecords { return nil }
        var records: [ChangeRecord] = []
        var bytes = 0
        for sequence in history.sequences {
            guard let record = try record(sequence) else { continue }
            bytes += record.payload.count
            guard bytes <= maximumBytes else { return nil }
            records.append(record)
        }
        return records
    }
}
