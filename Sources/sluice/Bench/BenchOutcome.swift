/// What a run has brought.
struct BenchOutcome: Sendable {
    let counts: BenchCounts
    let latencies: BenchLatencies
    /// Until all WebSockets were connected and subscribed, seconds.
    let connectSeconds: Double
    /// How long was measured, seconds; less than planned when the run was stopped.
    let measuredSeconds: Double
    /// CPU of this process while it was measured, as a part of one core: near 1 the generator itself is what is slow.
    let ownProcessorShare: Double
    /// Whether somebody stopped the run before its end.
    let isStopped: Bool
}
