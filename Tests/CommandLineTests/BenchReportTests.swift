import NIOCore
import NIOHTTP1
import SluiceCore
import StageLatency
import Testing

@testable import sluice

@Suite("BenchReport")
struct BenchReportTests {
    private func report(
        share: Double = 0.1,
        isStopped: Bool = false,
        _ change: (inout BenchCounts) -> Void = { _ in }
    )
        throws -> BenchReport
    {
        var counts = BenchCounts()
        counts.sent = 10
        counts.acknowledged = 10
        counts.expected = 20
        counts.received = 20
        change(&counts)
        var latencies = BenchLatencies()
        for milliseconds in 1...10 {
            latencies.acknowledgement.record(UInt64(milliseconds) * 1_000_000)
            latencies.delivery.record(UInt64(milliseconds) * 2_000_000)
        }
        return BenchReport(
            plan: try BenchPlan(target: BenchTarget("http://h:1"), run: "00c0ffee"),
            outcome: BenchOutcome(
                counts: counts,
                latencies: latencies,
                connectSeconds: 0.25,
                measuredSeconds: 2,
                ownProcessorShare: share,
                isStopped: isStopped
            ),
            stages: []
        )
    }

    @Test("a good run says so, with its figures")
    func good() throws {
        let report = try report()
        #expect(report.isGood)
        let table = report.table(hasColours: false)
        #expect(table.contains("acknowledgement   5001.2   9003.0  10000.0   10000.0  10000.0     10\n"), "\(table)")
        #expect(table.contains("5 publishes/s, 5 deliveries/s; own CPU 10 % of a core"))
        #expect(table.hasSuffix("Good: all acknowledged, all delivered exactly once and in order.\n"))
        #expect(!table.contains("\u{1B}"))
        #expect(report.table(hasColours: true).contains(Terminal.green))
    }

    @Test("the JSON has the names that programs rely on")
    func json() throws {
        let json = try JSONValue(Array(try report { $0.refused[503] = 2 }.json.text.utf8))
        #expect(
            json.members?.map(\.key) == [
                "url", "run", "connections", "topics", "rate", "payloadBytes", "warmUpSeconds", "seconds",
                "connectSeconds",
                "publishes", "deliveries", "disconnected", "publishesPerSecond", "deliveriesPerSecond", "latency",
                "ownProcessorShare", "stages", "stopped", "good",
            ]
        )
        #expect(json["publishes"]?["refused"]?["503"]?.unsignedInteger == 2)
        #expect(json["deliveries"]?["received"]?.unsignedInteger == 20)
        #expect(
            json["latency"]?["delivery"]?.members?.map(\.key) == ["count", "p50", "p90", "p99", "p999", "max"]
        )
        #expect(json["good"]?.boolean == false)
    }

    @Test("each fault makes a run bad and is named")
    func faults() throws {
        let changes: [(String, (inout BenchCounts) -> Void)] = [
            ("lost: 1", { $0.lost = 1 }), ("repeated: 2", { $0.repeated = 2 }),
            ("out of order: 3", { $0.outOfOrder = 3 }), ("holes in a topic's chain: 4", { $0.holes = 4 }),
            ("publishes refused with 503: 5", { $0.refused[503] = 5 }),
            ("publishes not answered: 6", { $0.unanswered = 6 }), ("publishes not sent: 7", { $0.unsent = 7 }),
            ("WebSockets closed with 4008: 8", { $0.disconnected[4008] = 8 }),
            ("nothing was published", { $0.sent = 0 }),
        ]
        for (fault, change) in changes {
            let report = try report(change)
            #expect(!report.isGood)
            #expect(report.table(hasColours: false).hasSuffix("Not good: \(fault).\n"))
            #expect(report.table(hasColours: true).contains(Terminal.red))
        }
    }

    @Test("what comes late or from others is shown and is no fault")
    func remarkable() throws {
        let report = try report {
            $0.late = 3
            $0.unknown = 4
        }
        #expect(report.isGood)
        let table = report.table(hasColours: false)
        #expect(table.contains("later than 5 s") && table.contains("not of this run"))
    }

    @Test("remarks say what to look at")
    func remarks() throws {
        #expect(try report().remarks == [])
        #expect(try report(share: 0.95).remarks.first?.contains("filled a core") == true)
        #expect(try report(isStopped: true).remarks == ["The run was stopped before its end."])
        let silent = try report {
            $0.received = 0
            $0.lost = 20
        }
        #expect(silent.remarks.first?.contains("does a publisher run?") == true)
        var partial = try report()
        partial.silent = ["http://h:2"]
        #expect(partial.remarks == ["http://h:2/latency doesn't answer: its stages are missing."])
        let refusing = try report { $0.firstRefusal = "403 Forbidden: no" }
        #expect(refusing.remarks == ["The first refusal was 403 Forbidden: no"])
    }

    @Test("an answer is told with the gateway's code and message, and its interim answers aren't answers")
    func answer() {
        var answer = BenchAnswer()
        let forbidden = HTTPResponseHead(version: .http1_1, status: .forbidden, headers: ["Connection": "close"])
        let parts: [HTTPClientResponsePart] = [
            .head(HTTPResponseHead(version: .http1_1, status: .continue)), .end(nil), .head(forbidden),
            .body(ByteBuffer(string: #"{"error":{"code":"Forbidden","#)),
            .body(ByteBuffer(string: #""message":"The rules don't allow it."}}"#)), .end(nil),
        ]
        let ends = parts.map { answer.add($0) }
        #expect(ends == [false, false, false, false, false, true])
        #expect(answer.status == 403 && !answer.isKeptAlive)
        #expect(answer.description == "403 Forbidden: The rules don't allow it.")
    }

    @Test("an answer of something else is told by its status, however long it is")
    func foreignAnswer() {
        var answer = BenchAnswer()
        _ = answer.add(.head(HTTPResponseHead(version: .http1_1, status: .badGateway)))
        for _ in 0..<100 { _ = answer.add(.body(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1_000))) }
        let isComplete = answer.add(.end(nil))
        #expect(isComplete && answer.description == "502")
    }

    @Test("progress shows what was sent and what has come")
    func progress() {
        var counts = BenchCounts()
        counts.sent = 3
        counts.acknowledged = 2
        counts.received = 20
        let quiet = BenchProgress.text(counts, elapsedSeconds: 1.9, of: 10.5, deliveryP99: nil)
        #expect(quiet == "1 of 11 s: 3 sent, 2 acknowledged, 20 delivered")
        let settling = BenchProgress.text(counts, elapsedSeconds: 11, of: 10, isSettling: true, deliveryP99: nil)
        #expect(settling == "waiting for what is under way: 3 sent, 2 acknowledged, 20 delivered")
        counts.refused = [503: 1]
        counts.disconnected = [1006: 2]
        let loud = BenchProgress.text(counts, elapsedSeconds: 12, of: 10, deliveryP99: 2_340_000)
        #expect(loud == "10 of 10 s: 3 sent, 2 acknowledged, 20 delivered, p99 2.3 ms, 1 refused, 2 WebSockets closed")
    }
}
