import StageLatency

/// The latencies of the measured part, each counted from when the message was due.
struct BenchLatencies: Sendable {
    /// Until the publish was acknowledged.
    var acknowledgement = LatencyDistribution()
    /// Until a receiver had the event.
    var delivery = LatencyDistribution()
    /// Until the last receiver had it.
    var lastReceiver = LatencyDistribution()

    /// All, with the names that people and programs read.
    var named: [(title: String, member: String, distribution: LatencyDistribution)] {
        [
            ("acknowledgement", "acknowledgement", acknowledgement),
            ("delivery", "delivery", delivery),
            ("last receiver", "lastReceiver", lastReceiver),
        ]
    }
}
