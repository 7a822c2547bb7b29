import ChangeQueue
import SluiceCore

/// The body of a history answer: `{"topic":…,"records":[event,…][,"gap":{"from":…,"to":…}][,"next":…]}`.
///
/// It is made in pieces, so that nothing is read for a client that doesn't take what it has.
struct HistoryPage: Sendable {
    /// Largest answer, payload bytes; the page ends with the record that reaches it.
    static let maximumBytes = 4 * 1024 * 1024

    private let gap: SequenceGap?
    private let newest: SequenceNumber?
    private var waiting: ArraySlice<SequenceNumber>
    private var last: SequenceNumber
    private var written: [UInt8]
    private var writtenBytes = 0
    private var hasRecords = false
    /// Whether its last piece has been made.
    private(set) var isComplete = false

    /// Looks up which records a page has.
    init(of topic: Topic, head: SequenceNumber, _ query: HistoryQuery, reader: LogReader) throws {
        let history = try HistoryPage.history(of: topic, head: head, after: query.after, reader: reader)
        gap = history.gap
        newest = history.sequences.last
        // A copy of these alone: the walk may have found a hundred times as many.
        waiting = Array(history.sequences.prefix(query.limit))[...]
        last = query.after
        written = Array(#"{"topic":"#.utf8)
        JSONText.appendString(topic.name, to: &written)
        written.append(contentsOf: #","records":["#.utf8)
    }

    /// Makes the next piece, of about `bytes`.
    mutating func nextPiece(ofBytes bytes: Int, reader: LogReader) throws -> [UInt8] {
        while written.count < bytes, writtenBytes + written.count < HistoryPage.maximumBytes,
            let sequence = waiting.popFirst()
        {
            // Trimmed since the walk: the next request is told the gap.
            guard let record = try reader.record(at: sequence) else { continue }
            if hasRecords { written.append(UInt8(ascii: ",")) }
            EventEnvelope.appendJSON(record, to: &written)
            hasRecords = true
            last = sequence
        }
        if waiting.isEmpty || writtenBytes + written.count >= HistoryPage.maximumBytes { return end() }
        defer {
            writtenBytes += written.count
            written = []
        }
        return written
    }

    /// Ends the page here; where there are more records, the client is told to ask for them.
    mutating func end() -> [UInt8] {
        isComplete = true
        written.append(UInt8(ascii: "]"))
        if let gap { written.append(contentsOf: #","gap":{"from":\#(gap.from),"to":\#(gap.to)}"#.utf8) }
        if let newest, last < newest { written.append(contentsOf: #","next":\#(last)"#.utf8) }
        written.append(UInt8(ascii: "}"))
        return written
    }

    private static func history(
        of topic: Topic,
        head: SequenceNumber,
        after: SequenceNumber,
        reader: LogReader
    ) throws -> TopicHistory {
        if after > head, after > (try reader.lastSequence()) {
            // Another log's number, as when a client resumes: all of this one may be new to it.
            return TopicHistory(sequences: [], gap: SequenceGap(from: SequenceNumber(1), to: head.next))
        }
        return try reader.history(of: topic, head: head, after: after, maximumRecords: Limits.historyRecords)
    }
}
