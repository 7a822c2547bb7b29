import ChangeQueue
import NIOCore
import SluiceCore

/// Reads topics' histories from the log.
///
/// Called on threads that may block, and for small holes on an event loop.
struct HistoryReader: Sendable {
    /// Goes on with walks by a bounded number of records; `LogReading.advance` outside tests.
    let advance: @Sendable (_ walks: inout [ChainWalk]) throws -> Void
    /// A record; nil when it was trimmed.
    let record: @Sendable (SequenceNumber) throws -> ChangeRecord?
    /// The newest number of the whole log.
    let lastSequence: @Sendable () throws -> SequenceNumber

    /// Goes on with the walks of a subscribe by a bounded number of records.
    func advance(_ walks: [HistoryWalk]) throws -> [HistoryWalk] {
        var chains = walks.map(\.walk)
        try advance(&chains)
        return zip(walks, chains).map { HistoryWalk(entry: $0.entry, walk: $1) }
    }

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
        before previous: SequenceNumber,
        after position: SequenceNumber,
        maximumRecords: Int,
        maximumBytes: Int
    ) throws -> [ChangeRecord]? {
        var walks = [ChainWalk(head: previous, after: position, maximumRecords: maximumRecords)]
        while !walks[0].isDone { try advance(&walks) }
        let history = walks[0].history
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
