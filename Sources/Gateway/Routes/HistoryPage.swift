import ChangeQueue
import FanOut
import SluiceCore

/// The body of a history answer on its way: `{"topic":…,"epoch":…,"records":[event,…][,"gap":{"from":…,"to":…}][,"next":…]}`.
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

    private let topic: Topic
    private let head: SequenceNumber
    private let limit: Int
    /// Where earlier pages have passed.
    private let marks: ChainMarks
    private var startsAtMark = false
    private var phase: Phase
    private var gap: SequenceGap?
    private var divergedFrom: SequenceNumber?
    private var newest: SequenceNumber?
    private var last: SequenceNumber
    private var json = JSONWriter()
    private var writtenBytes = 0

    /// Begins a page of a topic's records.
    init(
        of topic: Topic,
        head: SequenceNumber,
        _ query: HistoryQuery,
        reader: any LogReading,
        marks: ChainMarks
    ) throws {
        self.topic = topic
        self.head = head
        self.marks = marks
        limit = query.limit
        json.beginObject()
        json.member("topic", topic.name)
        json.member("epoch", reader.epochs.text)
        json.name("records")
        json.beginArray()
        let asked = query.position.after ?? .none
        let point = try reader.epochs.resume(after: asked, of: query.position.epoch, head: head) {
            try reader.lastSequence()
        }
        switch point {
        case .known(let after): last = after
        case .diverged(let after):
            last = after
            divergedFrom = after.next
        case .foreign:
            last = asked
            gap = SequenceGap(from: SequenceNumber(1), to: head.next)
            phase = .reading([])
            return
        }
        let mark = marks.start(of: topic, after: last, count: query.limit)
        startsAtMark = mark != nil
        // One more than a page holds, to know whether another follows.
        phase = .walking(ChainWalk(head: mark ?? head, after: last, keepingOldest: query.limit + 1))
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
            phase = walks[0].isDone ? walked(walks[0]) : .walking(walks[0])
            return nil
        case .reading(var waiting):
            while json.bytes.count < bytes, writtenBytes + json.bytes.count < HistoryPage.maximumBytes,
                let sequence = waiting.popFirst()
            {
                // Trimmed since the walk: the next request is told the gap.
                guard let record = try reader.record(at: sequence) else { continue }
                append(record)
            }
            phase = .reading(waiting)
            if waiting.isEmpty || writtenBytes + json.bytes.count >= HistoryPage.maximumBytes { return end() }
            let piece = json.removeBytes()
            writtenBytes += piece.count
            return piece
        case .complete:
            return []
        }
    }

    /// Ends the page here; where there are more records, the client is told to ask for them.
    mutating func end() -> [UInt8] {
        phase = .complete
        json.endArray()
        if let divergedFrom { json.diverged(from: divergedFrom) }
        gap?.write(to: &json)
        if let newest, last < newest { json.member("next", last.rawValue) }
        json.endObject()
        return json.removeBytes()
    }

    private mutating func walked(_ walk: ChainWalk) -> Phase {
        if startsAtMark, walk.visitedCount == 0 {
            // The mark's record was trimmed: what is above it may be there.
            marks.remove(of: topic)
            startsAtMark = false
            return .walking(ChainWalk(head: head, after: last, keepingOldest: limit + 1))
        }
        marks.add(walk.marks, of: topic)
        let history = walk.history
        gap = history.gap
        newest = history.sequences.last
        return .reading(Array(history.sequences.prefix(limit))[...])
    }

    private mutating func append(_ record: ChangeRecord) {
        json.raw { EventEnvelope.appendJSON(record, to: &$0) }
        last = record.sequence
    }
}

/// `?after=&epoch=&limit=` of a history request.
struct HistoryQuery: Equatable {
    /// What the client has.
    var position = TopicPosition()
    /// Most records in the answer.
    var limit = 100

    /// How long the answer may wait for a record when there is none.
    var wait = Duration.zero

    /// Most records that one answer brings.
    static let maximumLimit = 1_000
    /// The longest wait, seconds: what proxies on the way bear.
    static let maximumWaitSeconds = 60

    init() {}

    /// Reads the parameters.
    /// - Throws: `InvalidRequest` when one isn't a number or the limit is out of range.
    init(_ query: [(name: String, value: String)]) throws(APIError) {
        position = try TopicPosition(query)
        let maximumLimit = HistoryQuery.maximumLimit
        if let text = TopicPosition.value("limit", query) {
            guard let number = Int(text), (1...maximumLimit).contains(number) else {
                throw APIError(
                    .invalidRequest,
                    "limit=\(text.printable(limit: 40)) is not a number from 1 to \(maximumLimit)."
                )
            }
            limit = number
        }
        if let text = TopicPosition.value("wait", query) { wait = try HistoryQuery.wait(text) }
    }

    /// A number of seconds, with or without their unit.
    private static func wait(_ text: String) throws(APIError) -> Duration {
        let digits = text.utf8.last == UInt8(ascii: "s") ? text.utf8.dropLast() : text.utf8[...]
        guard let seconds = Int(String(decoding: digits, as: UTF8.self)), (0...maximumWaitSeconds).contains(seconds)
        else {
            throw APIError(
                .invalidRequest,
                "wait=\(text.printable(limit: 40)) is not a number of seconds from 0 to \(maximumWaitSeconds), such as 20s."
            )
        }
        return .seconds(seconds)
    }
}

/// `?after=&epoch=`: what a client has of a topic.
struct TopicPosition: Equatable {
    /// The last number that it knows; nil when it doesn't say.
    var after: SequenceNumber?
    /// The epoch of the log in which it learned the number; nil when it doesn't say.
    var epoch: EpochClaim?

    init() {}

    /// Reads the parameters.
    /// - Throws: `InvalidRequest` when `after` isn't a number.
    init(_ query: [(name: String, value: String)]) throws(APIError) {
        if let text = TopicPosition.value("after", query) {
            guard let number = UInt64(text) else {
                throw APIError(.invalidRequest, "after=\(text.printable(limit: 40)) is not a sequence number.")
            }
            after = SequenceNumber(number)
        }
        if let text = TopicPosition.value("epoch", query), !text.isEmpty { epoch = EpochClaim(ByteString(text)) }
    }

    /// A parameter's value; nil when it isn't there.
    static func value(_ name: ByteString, _ query: [(name: String, value: String)]) -> String? {
        query.first { ByteString($0.name) == name }?.value
    }
}
