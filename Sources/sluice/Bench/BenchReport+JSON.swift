import StageLatency

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
