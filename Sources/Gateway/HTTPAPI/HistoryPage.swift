import ChangeQueue
import SluiceCore

/// The body of a history answer: `{"topic":…,"records":[event,…][,"gap":{"from":…,"to":…}][,"next":…]}`.
enum HistoryPage {
    /// Largest answer, payload bytes; the page ends with the record that reaches it.
    static let maximumBytes = 4 * 1024 * 1024

    /// Reads a page of a topic's records.
    static func json(of topic: Topic, head: SequenceNumber, _ query: HistoryQuery, reader: LogReader) throws -> [UInt8]
    {
        let history = try history(of: topic, head: head, after: query.after, reader: reader)
        var body = Array(#"{"topic":"#.utf8)
        JSONText.appendString(topic.name, to: &body)
        body.append(contentsOf: #","records":["#.utf8)
        var count = 0
        var last = query.after
        for sequence in history.sequences {
            guard count < query.limit, body.count < maximumBytes else { break }
            // Trimmed since the walk: the next request is told the gap.
            guard let record = try reader.record(at: sequence) else { continue }
            if count > 0 { body.append(UInt8(ascii: ",")) }
            EventEnvelope.appendJSON(record, to: &body)
            count += 1
            last = sequence
        }
        body.append(UInt8(ascii: "]"))
        if let gap = history.gap {
            body.append(contentsOf: #","gap":{"from":\#(gap.from),"to":\#(gap.to)}"#.utf8)
        }
        if let newest = history.sequences.last, last < newest {
            body.append(contentsOf: #","next":\#(last)"#.utf8)
        }
        body.append(UInt8(ascii: "}"))
        return body
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
