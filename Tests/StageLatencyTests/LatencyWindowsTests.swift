import SluiceCore
import Testing

@testable import StageLatency

@Suite("LatencyWindows")
struct LatencyWindowsTests {
    private let second: UInt64 = 1_000_000_000

    private func report(_ histograms: StageHistograms) -> LatencyReport {
        LatencyReport(process: "gateway", queue: .sqs, histograms: histograms)
    }

    @Test("a stall of now isn't hidden by a long good life, and an old one isn't shown for ever")
    func windows() throws {
        let histograms = StageHistograms(queue: .sqs)
        var recent = RecentReports()
        for _ in 0..<10_000 { histograms.record(.hop, nanoseconds: 1_000_000) }
        var now: UInt64 = 1_000 * second
        for _ in 0..<80 {
            recent.keep(report(histograms), nowNanoseconds: now)
            now += 5 * second
        }
        for _ in 0..<10 { histograms.record(.hop, nanoseconds: 1_700_000_000) }
        func p50(_ index: Int) -> Double? {
            recent.windows(report(histograms), nowNanoseconds: now)[index].stages.first?.p50
        }
        #expect(p50(0) ?? 0 > 1_600_000 && p50(1) ?? 0 > 1_600_000 && p50(2) ?? 0 > 1_600_000)
        #expect(report(histograms).stages.first?.p50 ?? 0 < 1_100)
        // Twenty seconds later the short window is over it, the others aren't; six minutes later all are.
        for _ in 0..<4 {
            recent.keep(report(histograms), nowNanoseconds: now)
            now += 5 * second
        }
        #expect(p50(0) == nil && p50(1) ?? 0 > 1_600_000)
        for _ in 0..<72 {
            recent.keep(report(histograms), nowNanoseconds: now)
            now += 5 * second
        }
        #expect(p50(1) == nil && p50(2) == nil)
    }

    @Test("a young process has measured all within its windows, and windows of several processes add up")
    func merged() {
        let histograms = StageHistograms(queue: .sqs)
        histograms.record(.commit, nanoseconds: 200_000)
        var one = report(histograms)
        one.windows = RecentReports().windows(one, nowNanoseconds: second)
        let read = try? LatencyReport(json: one.json())
        #expect(read == one)
        let merged = LatencyReport.merged([one, one], .minute)
        #expect(merged.map(\.count) == [2] && merged.first?.stage == .commit)
    }
}
