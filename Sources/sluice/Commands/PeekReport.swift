import ChangeQueue
import LMDBLog
import SluiceCore

/// What `sluice queue peek` and `oldest` show.
enum PeekReport {
    /// Bytes of a payload that are shown to people.
    private static let previewBytes = 60

    /// For people.
    static func table(_ records: [PeekedRecord]) -> String {
        guard !records.isEmpty else { return "No record waits.\n" }
        let now = StageClock.wallNanoseconds()
        var table = TextTable([
            ("SEQUENCE", .right), ("TOPIC", .left), ("STATE", .left), ("RECEIVES", .right), ("AGE", .right),
            ("BYTES", .right), ("PAYLOAD", .left),
        ])
        for peeked in records {
            let record = peeked.record
            let age = Double(now &- min(now, record.acceptedAtWallNanoseconds)) / 1e9
            table.add([
                record.sequence.description, record.topic.name.printable(limit: 60), peeked.state.rawValue,
                String(peeked.receiveCount),
                DurationText.rounded(seconds: age), String(record.payload.count),
                String(decoding: record.payload.prefix(previewBytes), as: UTF8.self).printable(limit: previewBytes),
            ])
        }
        return table.text()
    }

    /// For programs: an array.
    static func json(_ records: [PeekedRecord]) -> String { JSONObject.array(records.map(object)) }

    /// One record, with its payload as an event would carry it.
    static func object(_ peeked: PeekedRecord) -> JSONObject {
        let record = peeked.record
        var object = JSONObject()
        object.add("sequence", record.sequence.rawValue)
        object.add("previous", record.previous.rawValue)
        object.add("topic", record.topic.name)
        object.add("state", peeked.state.rawValue)
        object.add("receiveCount", peeked.receiveCount)
        object.add("acceptedAt", WallClock.text(nanoseconds: record.acceptedAtWallNanoseconds))
        object.add("contentType", record.contentType.value)
        var data: [UInt8] = []
        if JSONText.appendPayload(record.payload, record.contentType, to: &data) { object.add("encoding", "base64") }
        object.addRaw("data", String(decoding: data, as: UTF8.self))
        return object
    }
}
