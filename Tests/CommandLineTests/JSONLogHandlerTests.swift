import Logging
import SluiceCore
import Synchronization
import Testing

@testable import sluice

@Suite("JSONLogHandler")
struct JSONLogHandlerTests {
    @Test("a log line is one JSON object with time, level, logger, message and metadata")
    func line() throws {
        let lines = Lines()
        var logger = Logger(label: "sluice.test") { label in
            JSONLogHandler(label: label, write: { lines.append($0) }, now: { 1_000_000_000 })
        }
        logger[metadataKey: "gateway"] = "g1"
        logger.warning("a \"quoted\"\nline", metadata: ["count": "\(3)", "level": "mine", "names": ["a", "b"]])
        #expect(
            lines.all == [
                #"{"time":"1970-01-01T00:00:01.000Z","level":"warning","logger":"sluice.test","message":"a \"quoted\"\nline","#
                    + #""count":"3","gateway":"g1","_level":"mine","names":["a","b"]}"# + "\n"
            ]
        )
        #expect(try JSONValue(Array(lines.all[0].utf8))["message"]?.string == "a \"quoted\"\nline")
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
