import SluiceCore
import Testing

@testable import sluice

@Suite("Output")
struct OutputTests {
    @Test("a table's columns are as wide as their widest cell, numbers to the right")
    func table() {
        var table = TextTable([("STAGE", .left), ("P50 µs", .right)])
        table.add(["commit", "290.3"])
        table.add(["hop", "1"])
        #expect(table.text(hasColours: false) == "STAGE   P50 µs\ncommit   290.3\nhop          1\n")
    }

    @Test("a JSON object keeps the order of its members and escapes what must be")
    func json() throws {
        var object = JSONObject()
        object.add("topic", "a\"b")
        object.add("count", 3)
        object.add("age", seconds: 1.23456)
        object.add("whole", seconds: 2)
        object.add("none", nil as String?)
        #expect(object.text == #"{"topic":"a\"b","count":3,"age":1.235,"whole":2,"none":null}"#)
    }

    @Test("a depth report has the names that programs rely on")
    func depth() throws {
        let report = try JSONValue(Array(DepthReport.json(QueueDepth(queue: .sqs), nil).text.utf8))
        let names = report.members?.map(\.key) ?? []
        #expect(
            names.starts(with: [
                "queue", "visible", "inFlight", "delayed", "deadLettered", "oldestAgeSeconds", "logRecords", "logBytes",
            ])
        )
    }
}
