import SluiceCore
import StageLatency
import Testing

@Suite("LatencyReport")
struct LatencyReportTests {
    @Test("a report survives its JSON")
    func roundTrip() throws {
        let report = LatencyReport(process: "gateway", queue: .sqs, histograms: filled(1...500))
        let read = try LatencyReport(json: report.json())
        #expect(read == report)
        #expect(read.stages.map(\.stage) == ["hop"])
        #expect(read.queue == "sqs")
    }

    @Test("the figures stand before the buckets, in microseconds")
    func text() {
        let histograms = StageHistograms(queue: .sns)
        histograms.record(.commit, nanoseconds: 1_500)
        let report = LatencyReport(process: "gateway", queue: .sns, histograms: histograms)
        let expected =
            #"{"process":"gateway","queue":"sns","stages":[{"stage":"commit","count":1,"p50":1.5,"p90":1.5,"p99":1.5,"#
            + #""max":1.5,"mean":1.5,"sumNanoseconds":1500,"maxNanoseconds":1500,"buckets":[[1500,1]]}]}"#
        #expect(String(decoding: report.json(), as: UTF8.self) == expected)
    }

    @Test("the reports of two processes merge into what one histogram would say")
    func merging() throws {
        let first = LatencyReport(process: "publisher", queue: .sqs, histograms: filled(1...3_000))
        let second = LatencyReport(process: "publisher", queue: .sqs, histograms: filled(3_001...9_999))
        let merged = LatencyReport.merged([
            try LatencyReport(json: first.json()), try LatencyReport(json: second.json()),
        ])
        #expect(merged == filled(1...9_999).snapshot())
    }

    @Test("what a process measured since an earlier report is what a histogram begun then would say")
    func since() throws {
        let histograms = StageHistograms(queue: .sqs)
        for microseconds in UInt64(1)...3_000 { histograms.record(.hop, nanoseconds: microseconds * 1_000) }
        histograms.record(.commit, nanoseconds: 9)
        let before = LatencyReport(process: "publisher", queue: .sqs, histograms: histograms)
        let later = StageHistograms(queue: .sqs)
        for microseconds in UInt64(2_000)...9_999 {
            histograms.record(.hop, nanoseconds: microseconds * 1_000)
            later.record(.hop, nanoseconds: microseconds * 1_000)
        }
        histograms.record(.link, nanoseconds: 7)
        later.record(.link, nanoseconds: 7)
        let after = LatencyReport(process: "publisher", queue: .sqs, histograms: histograms)
        #expect(LatencyReport.merged([after.since(before)]) == later.snapshot())
    }

    @Test("the longest duration since is as exact as its bucket when there was a longer one before")
    func sinceShorter() {
        let histograms = StageHistograms(queue: .sqs)
        histograms.record(.hop, nanoseconds: 50_000_000)
        let before = LatencyReport(process: "publisher", queue: .sqs, histograms: histograms)
        histograms.record(.hop, nanoseconds: 1_000_000)
        let after = LatencyReport(process: "publisher", queue: .sqs, histograms: histograms)
        let longest = LatencyReport.merged([after.since(before)]).first?.max ?? 0
        #expect(abs(longest - 1_000) <= 1)
    }

    @Test("a process that was started anew has measured all of it since")
    func sinceRestart() {
        let before = LatencyReport(process: "publisher", queue: .sqs, histograms: filled(1...500))
        let after = LatencyReport(process: "publisher", queue: .sqs, histograms: filled(1...400))
        #expect(after.since(before) == after)
        #expect(before.since(before).stages.isEmpty)
    }

    @Test("merging nothing gives nothing")
    func mergingNothing() {
        #expect(LatencyReport.merged([]).isEmpty)
        #expect(
            LatencyReport.merged([
                LatencyReport(process: "gateway", queue: .sqs, histograms: StageHistograms(queue: .sqs))
            ]).isEmpty
        )
    }

    @Test(
        "what isn't a report, or can't be true, is refused with a reason",
        arguments: [
            "", "[]", #"{"process":"gateway"}"#,
            #"{"process":"g","queue":"sqs","stages":[{"stage":"hop","count":1,"p50":1,"p90":1,"p99":1,"#
                + #""max":1,"mean":1,"sumNanoseconds":1,"maxNanoseconds":1,"buckets":[[1,18446744073709551615],[2,1]]}]}"#,
        ]
    )
    func refused(text: String) {
        #expect(throws: LatencyReportError.self) { try LatencyReport(json: Array(text.utf8)) }
    }

    @Test("a stage that only a newer process knows is left out")
    func unknownStage() throws {
        let text =
            #"{"process":"g","queue":"sqs","stages":[{"stage":"teleport","count":1,"p50":1,"p90":1,"p99":1,"#
            + #""max":1,"mean":1,"sumNanoseconds":1,"maxNanoseconds":1,"buckets":[[1,1]]}]}"#
        #expect(LatencyReport.merged([try LatencyReport(json: Array(text.utf8))]).isEmpty)
    }

    private func filled(_ range: ClosedRange<UInt64>) -> StageHistograms {
        let histograms = StageHistograms(queue: .sqs)
        for value in range { histograms.record(.hop, nanoseconds: value * 997) }
        return histograms
    }
}
