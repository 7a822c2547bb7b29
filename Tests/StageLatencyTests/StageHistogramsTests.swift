import SluiceCore
import StageLatency
import Testing

@Suite("StageHistograms")
struct StageHistogramsTests {
    @Test("each stage whose two ends are known is counted, and no other")
    func knownStages() {
        let histograms = StageHistograms(queue: .sqs)
        var times = StageTimes()
        times.accepted = 1_000_000
        times.committed = 1_250_000
        histograms.record(times)
        times.committed = 0
        times.received = 1_650_000
        histograms.record(times)
        let summary = histograms.snapshot()
        #expect(summary.map(\.stage) == [.commit, .hop])
        #expect(summary.map(\.count) == [1, 1])
        #expect(summary.map(\.max) == [250, 650])
    }

    @Test("a batch counts as its records do one by one")
    func batch() {
        let one = StageHistograms(queue: .stream)
        let batch = StageHistograms(queue: .stream)
        var records: [StageTimes] = []
        for index in 1...1_000 as ClosedRange<UInt64> {
            var times = StageTimes()
            times.accepted = 1
            times.committed = 1 + index * 1_000
            times.received = times.committed + 50
            records.append(times)
            one.record(times)
        }
        batch.record(contentsOf: records)
        batch.record(contentsOf: [])
        #expect(one.snapshot() == batch.snapshot())
        #expect(one.snapshot().count == 3)
    }

    @Test("quantiles are right to three digits and the maximum is exact")
    func quantiles() throws {
        let histograms = StageHistograms(queue: .sqs)
        for microseconds in 1...10_000 as ClosedRange<UInt64> {
            histograms.record(.total, nanoseconds: microseconds * 1_000)
        }
        let summary = try #require(histograms.snapshot().first)
        #expect(abs(summary.p50 - 5_000) <= 5)
        #expect(abs(summary.p90 - 9_000) <= 9)
        #expect(abs(summary.p99 - 9_900) <= 9.9)
        #expect(summary.max == 10_000)
        #expect(summary.mean == 5_000.5)
    }

    @Test("durations below a microsecond are told apart")
    func shortStages() throws {
        let histograms = StageHistograms(queue: .sqs)
        histograms.record(.resolve, nanoseconds: 240)
        let summary = try #require(histograms.snapshot().first)
        #expect(summary.p50 == 0.2)
        #expect(
            String(decoding: summary.json, as: UTF8.self)
                == #"{"stage":"resolve","count":1,"p50":0.2,"p90":0.2,"p99":0.2,"max":0.2,"mean":0.2}"#
        )
    }

    @Test("a duration beyond an hour counts as an hour", arguments: [3_600_000_000_001, UInt64.max])
    func longest(nanoseconds: UInt64) throws {
        let histograms = StageHistograms(queue: .sqs)
        histograms.record(.total, nanoseconds: nanoseconds)
        let summary = try #require(histograms.snapshot().first)
        #expect(summary.count == 1)
        #expect(summary.max == 3_600_000_000)
    }

    @Test("many threads can record at once and nothing is lost")
    func threads() async {
        let histograms = StageHistograms(queue: .sqs)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for value in 0..<1_000 as Range<UInt64> { histograms.record(.write, nanoseconds: value) }
                }
            }
        }
        #expect(histograms.snapshot().map(\.count) == [8_000])
    }
}
