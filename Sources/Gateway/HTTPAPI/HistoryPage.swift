import ChangeQueue
import SluiceCore

/// The body of a history answer on its way: `{"topic":…,"records":[event,…][,"gap":{"from":…,"to":…}][,"next":…]}`.
///
/// A value: a long walk is done in slices, between which others have their turn, and the records are read in pieces, so that nothing is read
/// for a client that doesn't take what it has.
struct HistoryPage: Sendable {
    private enum Phase {
        /// The topic's chain is being walked.
        case walking(ChainWalk)
        /// These records come next.
        case reading(ArraySlice<SequenceNumber>)
        /// The last piece has been made.
        case complete
    }

    /// Largest answer, payload bytes; the page ends with the record that reaches it.
    static let maximumBytes = 4 * 1024 * 1024

    private let limit: Int
    private var phase: Phase
    private var gap: SequenceGap?
    private var newest: SequenceNumber?
    private var last: SequenceNumber
    private var written: [UInt8]
    private var writtenBytes = 0
    private var hasRecords = false

    /// Begins a page of a topic's records.
    init(of topic: Topic, head: SequenceNumber, _ query: HistoryQuery, reader: any LogReading) throws {
        limit = query.limit
        last = query.after
        written = Array(#"{"topic":"#.utf8)
        JSONText.appendString(topic.name, to: &written)
        written.append(contentsOf: #","records":["#.utf8)
        if try query.after > head && query.after > reader.lastSequence() {
            // Another log's number, as when a client resumes: all of this one may be new to it.
            gap = SequenceGap(from: SequenceNumber(1), to: head.next)
            phase = .reading([])
        } else {
            phase = .walking(ChainWalk(head: head, after: query.after, maximumRecords: Limits.historyRecords))
        }
    }

    /// Whether its last piece has been made.
    var isComplete: Bool { if case .complete = phase { true } else { false } }

    /// Goes on by one slice of the walk, or, once that is done, makes the next piece, of about `bytes`.
    /// - Returns: the piece; nil when the walk goes on.
    mutating func next(ofBytes bytes: Int, reader: any LogReading) throws -> [UInt8]? {
        switch phase {
        case .walking(let walk):
            var walks = [walk]
            try reader.advance(&walks)
            phase = walks[0].isDone ? beginReading(walks[0].history) : .walking(walks[0])
            return nil
        case .reading(var waiting):
            while written.count < bytes, writtenBytes + written.count < HistoryPage.maximumBytes,
                let sequence = waiting.popFirst()
            {
                // Trimmed since the walk: the next request is told the gap.
                guard let record = try reader.record(at: sequence) else { continue }
                append(record)
            }
            phase = .reading(waiting)
            if waiting.isEmpty || writtenBytes + written.count >= HistoryPage.maximumBytes { return end() }
            defer {
                writtenBytes += written.count
                written = []
            }
            return written
        case .complete:
            return []
        }
    }

    /// Ends the page here; where there are more records, the client is told to ask for them.
    mutating func end() -> [UInt8] {
        phase = .complete
        written.append(UInt8(ascii: "]"))
        if let gap { written.append(contentsOf: #","gap":{"from":\#(gap.from),"to":\#(gap.to)}"#.utf8) }
        if let newest, last < newest { written.append(contentsOf: #","next":\#(last)"#.utf8) }
        written.append(UInt8(ascii: "}"))
        return written
    }

    private mutating func beginReading(_ history: TopicHistory) -> Phase {
        gap = history.gap
        newest = history.sequences.last
        // A copy of these alone: the walk may have found a hundred times as many.
        return .reading(Array(history.sequences.prefix(limit))[...])
    }

    private mutating func append(_ record: ChangeRecord) {
        if hasRecords { written.append(UInt8(ascii: ",")) }
        EventEnvelope.appendJSON(record, to: &written)
        hasRecords = true
        last = record.sequence
    }
}
