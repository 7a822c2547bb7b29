import SluiceCore

/// What a message carries to be recognized: the run, its number, and when it was due.
///
/// The time travels with the message, so that its latency doesn't depend on what is remembered of it.
struct BenchMarker: Equatable, Sendable {
    let run: String
    /// Counts the run's messages from 0, over all topics.
    let number: Int
    /// When the message was due, nanoseconds of ``StageClock``.
    let dueNanoseconds: UInt64

    /// Smallest payload that has room for a marker with the longest numbers.
    static let leastPayloadBytes = 100

    init(run: String, number: Int, dueNanoseconds: UInt64) {
        self.run = run
        self.number = number
        self.dueNanoseconds = dueNanoseconds
    }

    /// Reads an event's data; nil when it is none of ours.
    init?(_ data: JSONValue) {
        guard let run = data["run"]?.string, let number = data["number"]?.unsignedInteger,
            let due = data["due"]?.unsignedInteger, let number = Int(exactly: number)
        else { return nil }
        self.init(run: run, number: number, dueNanoseconds: due)
    }

    /// A JSON payload of `bytes` bytes, filled up after the marker.
    func payload(bytes: Int) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("run", run)
        json.member("number", number)
        json.member("due", dueNanoseconds)
        // `,"fill":""}` takes eleven bytes itself.
        json.member("fill", String(repeating: "x", count: max(0, bytes - json.bytes.count - 11)))
        json.endObject()
        return json.bytes
    }
}

/// An event as a receiver got it.
struct BenchEvent: Equatable, Sendable {
    let sequence: UInt64
    let previous: UInt64
    /// nil when it is of somebody else.
    let marker: BenchMarker?
}
