import Histogram
import Synchronization

/// What all subscribers of a run received: a count and the latencies from the time in the payload to the arrival.
final class Tally: Sendable {
    private struct State {
        var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
        var received: UInt64 = 0
        var closed = 0
    }

    private let state = Mutex(State())

    func received(time: UInt64) {
        let now = Marker.now()
        state.withLock { state in
            state.received += 1
            state.histogram.record(now > time ? now - time : 0)
        }
    }

    func closed() { state.withLock { $0.closed += 1 } }

    /// Events received so far.
    var count: UInt64 { state.withLock { $0.received } }

    /// Connections that the server closed.
    var closedCount: Int { state.withLock { $0.closed } }

    /// The latency at `percentile`, microseconds.
    func microseconds(_ percentile: Double) -> Double { state.withLock { Double($0.histogram.valueAtPercentile(percentile)) / 1_000 } }

    /// Starts over, after a warm-up.
    func reset() { state.withLock { $0 = State() } }
}
