import SluiceCore
import StageLatency

/// What `sluice bench` prints at the end.
struct BenchReport {
    let plan: BenchPlan
    let outcome: BenchOutcome
    /// The stages during the run; empty when no process could be asked.
    let stages: [StageSummary]
    /// Addresses of processes that didn't answer when they were asked for the stages.
    var silent: [String] = []

    /// Above this part of a core the generator may be what is slow.
    private static let busyShare = 0.85

    /// Whether everything was acknowledged and delivered exactly once and in order.
    var isGood: Bool { outcome.counts.faults.isEmpty }

    /// What to know when the figures are read.
    var remarks: [String] {
        var remarks: [String] = []
        let counts = outcome.counts
        if let refusal = counts.firstRefusal { remarks.append("The first refusal was \(refusal)") }
        if counts.acknowledged > 0, counts.received == 0 {
            remarks.append("Nothing was delivered at all: does a publisher run? 'sluice connections' shows.")
        }
        if outcome.ownProcessorShare > BenchReport.busyShare {
            remarks.append("The load itself filled a core: latency here is partly its own, so ask for less.")
        }
        if counts.unsent > 0 { remarks.append("Too many messages were under way to send more: lower --rate.") }
        for address in silent { remarks.append("\(address)/latency doesn't answer: its stages are missing.") }
        if outcome.isStopped { remarks.append("The run was stopped before its end.") }
        return remarks
    }

    /// Publishes acknowledged a second, of the measured ones.
    var acknowledgedPerSecond: Double { perSecond(outcome.latencies.acknowledgement.count) }

    /// Events delivered a second, of the measured ones.
    var deliveredPerSecond: Double { perSecond(outcome.latencies.delivery.count) }

    private func perSecond(_ count: UInt64) -> Double {
        outcome.measuredSeconds > 0 ? Double(count) / outcome.measuredSeconds : 0
    }

    /// The quantiles that are shown.
    static let quantiles: [(title: String, member: String, fraction: Double)] = [
        ("P50 µs", "p50", 0.5), ("P90 µs", "p90", 0.9), ("P99 µs", "p99", 0.99), ("P99.9 µs", "p999", 0.999),
    ]

    /// Nanoseconds as microseconds with one decimal, as the stages' figures have it.
    static func microseconds(_ nanoseconds: UInt64) -> String { decimal(nanoseconds, unit: 1_000) }

    /// Nanoseconds as milliseconds with one decimal.
    static func milliseconds(_ nanoseconds: UInt64) -> String { decimal(nanoseconds, unit: 1_000_000) }

    private static func decimal(_ nanoseconds: UInt64, unit: UInt64) -> String {
        let tenths = nanoseconds / (unit / 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
