import Metrics

/// What is counted about reading history.
struct HistoryCounters: Sendable {
    private let waiting: Meter
    private let pieces: Counter
    private let abandoned: Counter

    init(factory: any MetricsFactory) {
        waiting = Meter(label: "sluice_history_waiting", dimensions: [], factory: factory)
        pieces = Counter(label: "sluice_history_pieces_total", dimensions: [], factory: factory)
        abandoned = Counter(label: "sluice_history_dropped_total", dimensions: [], factory: factory)
    }

    /// A piece of work waits for its turn.
    func waits() { waiting.increment() }

    /// Its turn has come.
    func begun() {
        waiting.decrement()
        pieces.increment()
    }

    /// Pieces that waited won't be done: nobody wants them any more.
    func left(_ count: Int) {
        guard count > 0 else { return }
        waiting.decrement(by: Double(count))
        dropped(count)
    }

    /// Pieces weren't done.
    func dropped(_ count: Int) { abandoned.increment(by: count) }
}
