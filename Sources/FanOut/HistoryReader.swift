import NIOCore
package import SluiceCore

/// Reads topics' histories from the log.
///
/// Called on threads that may block, and for small holes on an event loop.
package struct HistoryReader: Sendable {
    /// Goes on with walks by a bounded number of records; `LogReading.advance` outside tests.
    let advance: @Sendable (_ walks: inout [ChainWalk]) throws -> Void
    /// A record; nil when it was trimmed.
    let record: @Sendable (SequenceNumber) throws -> ChangeRecord?
    /// The newest number of the whole log.
    package let lastSequence: @Sendable () throws -> SequenceNumber
    /// The log's epochs.
    package let epochs: LogEpochs

    package init(
        advance: @escaping @Sendable (_ walks: inout [ChainWalk]) throws -> Void,
        record: @escaping @Sendable (SequenceNumber) throws -> ChangeRecord?,
        lastSequence: @escaping @Sendable () throws -> SequenceNumber,
        epochs: LogEpochs
    ) {
        self.advance = advance
        self.record = record
        self.lastSequence = lastSequence
        self.epochs = epochs
    }

    /// Goes on with the walks of a subscribe by a bounded number of records.
    func advance(_ walks: [HistoryWalk]) throws -> [HistoryWalk] {
        var chains = walks.map(\.walk)
        try advance(&chains)
        return zip(walks, chains).map { HistoryWalk(entry: $0.entry, walk: $1) }
    }

    /// Payloads that are read for a piece whose events are compressed, as a multiple of the piece.
    private static let maximumCompression = 8

    /// Reads and encodes records until `maximumBytes` are reached, at least one.
    func piece(
        _ sequences: [SequenceNumber],
        _ format: any EventFormat,
        maximumBytes: Int
    ) throws -> HistoryPiece {
        var frames = EventFrames(format)
        var count = 0
        var payloadBytes = 0
        for sequence in sequences {
            if let record = try record(sequence) {
                frames.append(record)
                payloadBytes += record.payload.count
            }
            count += 1
            guard frames.byteCount < maximumBytes, payloadBytes < HistoryReader.maximumCompression * maximumBytes
            else { break }
        }
        return HistoryPiece(events: frames.events(from: 0), count: count)
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

/// One bounded piece of reading history: a slice of a walk, or some records.
///
/// Exactly one of the two is called.
package struct HistoryWork: Sendable {
    /// Does it, on a thread that may block.
    package let run: @Sendable () -> Void
    /// Says that it won't be done: who asked is gone, or the process stops.
    package let drop: @Sendable () -> Void

    package init(run: @escaping @Sendable () -> Void, drop: @escaping @Sendable () -> Void) {
        self.run = run
        self.drop = drop
    }
}

/// A walk along a topic's chain that a subscribe waits for.
struct HistoryWalk: Sendable {
    /// The topic's place in the request.
    let entry: Int
    /// How far it has come.
    var walk: ChainWalk
}

/// Events of some records of a history.
struct HistoryPiece: Sendable {
    /// The events, for one subscriber.
    let events: SharedEvents
    /// Records that they stand for, trimmed ones included.
    let count: Int
}

/// Whom a piece of history work is done for: the connection, and whose it is.
package struct HistoryAsker: Hashable, Sendable {
    /// The principal; nil for everyone whom nobody knows, who then share one principal's part.
    package let principal: ByteString?
    /// The connection's handler or channel.
    package let connection: ObjectIdentifier

    package init(principal: ByteString?, _ connection: AnyObject) {
        self.principal = principal
        self.connection = ObjectIdentifier(connection)
    }
}
