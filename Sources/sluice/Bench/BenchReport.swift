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

extension BenchReport {
    /// The report for programs; the names are relied on.
    var json: JSONObject {
        var object = JSONObject()
        object.add("url", plan.target.address)
        object.add("run", plan.run)
        object.add("connections", plan.connections)
        object.add("topics", plan.topics.count)
        switch plan.pacing {
        case .rate(let rate): object.add("rate", seconds: rate)
        case .inFlight(let places): object.add("inFlight", places)
        }
        object.add("payloadBytes", plan.payloadBytes)
        object.add("warmUpSeconds", seconds: plan.warmUpSeconds)
        object.add("seconds", seconds: outcome.measuredSeconds)
        object.add("connectSeconds", seconds: outcome.connectSeconds)
        object.add("publishes", publishes)
        object.add("deliveries", deliveries)
        object.add("disconnected", BenchReport.byCode(outcome.counts.disconnected))
        object.add("publishesPerSecond", seconds: acknowledgedPerSecond)
        object.add("deliveriesPerSecond", seconds: deliveredPerSecond)
        object.add("latency", latency)
        object.add("ownProcessorShare", seconds: outcome.ownProcessorShare)
        object.addRaw("stages", StageTable.json(stages))
        object.addRaw("stopped", "\(outcome.isStopped)")
        object.addRaw("good", "\(isGood)")
        return object
    }

    private var publishes: JSONObject {
        let counts = outcome.counts
        var object = JSONObject()
        object.add("sent", counts.sent)
        object.add("acknowledged", counts.acknowledged)
        object.add("refused", BenchReport.byCode(counts.refused))
        object.add("firstRefusal", counts.firstRefusal)
        object.add("unanswered", counts.unanswered)
        object.add("unsent", counts.unsent)
        return object
    }

    private var deliveries: JSONObject {
        let counts = outcome.counts
        var object = JSONObject()
        object.add("expected", counts.expected)
        object.add("received", counts.received)
        object.add("lost", counts.lost)
        object.add("repeated", counts.repeated)
        object.add("outOfOrder", counts.outOfOrder)
        object.add("holes", counts.holes)
        object.add("late", counts.late)
        object.add("unknown", counts.unknown)
        return object
    }

    private var latency: JSONObject {
        var object = JSONObject()
        for (_, member, distribution) in outcome.latencies.named {
            func figure(_ nanoseconds: UInt64) -> String {
                distribution.count == 0 ? "null" : BenchReport.microseconds(nanoseconds)
            }
            var figures = JSONObject()
            figures.addRaw("count", "\(distribution.count)")
            for quantile in BenchReport.quantiles {
                figures.addRaw(quantile.member, figure(distribution.nanoseconds(atQuantile: quantile.fraction)))
            }
            figures.addRaw("max", figure(distribution.maximumNanoseconds))
            object.add(member, figures)
        }
        return object
    }

    private static func byCode(_ counts: [Int: Int]) -> JSONObject {
        var object = JSONObject()
        for (code, count) in counts.sorted(by: { $0.key < $1.key }) { object.add("\(code)", count) }
        return object
    }
}
