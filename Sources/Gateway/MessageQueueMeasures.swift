import Logging
import Metrics
import QueueEngine
import Queues
import SluiceCore
import Synchronization

/// Which message queues have metrics of their own, as a value: the first ones by their names, so many at most.
///
/// Whoever may make queues may make series with it, and a series is kept as long as its queue.
struct QueueSeries: Sendable {
    /// Under what all other queues are counted; no queue has such a name.
    static let others = "(others)"

    private let maximum: Int
    private(set) var own: Set<QueueID> = []

    init(maximum: Int) { self.maximum = maximum }

    /// Whether a queue of which something happened has its own: one that is new gets it as long as there is room.
    mutating func admits(_ queue: QueueID) -> Bool {
        if own.contains(queue) { return true }
        guard own.count < maximum else { return false }
        own.insert(queue)
        return true
    }

    /// Follows the catalogue.
    /// - Parameter queues: all queues, in the order of their names.
    /// - Returns: queues whose own series end: deleted ones, and those that others have taken the place of.
    mutating func follow(_ queues: [QueueID]) -> Set<QueueID> {
        let before = own
        own = Set(queues.prefix(maximum))
        return before.subtracting(own)
    }
}

/// The metrics of message queues: counted as it happens, and measured now and then.
final class MessageQueueMeasures: MessageQueueObserver {
    /// The metrics of one queue, or of all others.
    private struct Series {
        private let counters: [MessageQueueEvent: Counter]
        private let visible: Gauge
        private let inFlight: Gauge
        private let delayed: Gauge
        private let oldestAge: Gauge

        init(_ name: String, _ factory: any MetricsFactory) {
            var counters: [MessageQueueEvent: Counter] = [:]
            for event in MessageQueueEvent.allCases {
                counters[event] = Counter(
                    label: "sluice_message_queue_\(event.metric)_total",
                    dimensions: [("queue", name)],
                    factory: factory
                )
            }
            self.counters = counters
            func gauge(_ state: String) -> Gauge {
                Gauge(
                    label: "sluice_message_queue_messages",
                    dimensions: [("queue", name), ("state", state)],
                    factory: factory
                )
            }
            (visible, inFlight, delayed) = (gauge("visible"), gauge("in_flight"), gauge("delayed"))
            oldestAge = Gauge(
                label: "sluice_message_queue_oldest_age_seconds",
                dimensions: [("queue", name)],
                factory: factory
            )
        }

        func count(_ event: MessageQueueEvent, _ messages: Int) { counters[event]?.increment(by: messages) }

        func show(_ figures: MessageQueueFigures, nowNanoseconds now: UInt64) {
            visible.record(figures.visible)
            inFlight.record(figures.inFlight)
            delayed.record(figures.delayed)
            let oldest = figures.oldestSentAtNanoseconds ?? now
            oldestAge.record(Double(now - min(now, oldest)) / 1e9)
        }

        func destroy() {
            for counter in counters.values { counter.destroy() }
            for gauge in [visible, inFlight, delayed, oldestAge] { gauge.destroy() }
        }
    }

    private struct State {
        var shares: QueueSeries
        var series: [QueueID: Series] = [:]
        var others: Series?
    }

    private let state: Mutex<State>
    private let factory: any MetricsFactory

    /// Between two measurements, seconds; more where they take longer than a thousandth of it.
    private static let interval = Duration.seconds(5)

    init(series: Int, factory: any MetricsFactory) {
        self.factory = factory
        state = Mutex(State(shares: QueueSeries(maximum: series)))
    }

    func note(_ event: MessageQueueEvent, of queue: QueueID, _ messages: Int) {
        state.withLock { series(of: queue, in: &$0).count(event, messages) }
    }

    /// Measures all queues, until it is cancelled: seldom enough that it takes a thousandth of the time.
    func watch(_ queues: MessageQueueService, logger: Logger) async {
        while !Task.isCancelled {
            var taken = Duration.zero
            do throws(QueueError) { taken = try await measure(queues) } catch {
                logger.warning("message queues can't be measured", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: max(MessageQueueMeasures.interval, taken * 1_000))
        }
    }

    /// Measures all queues once.
    /// - Returns: how long it took.
    func measure(_ queues: MessageQueueService) async throws(QueueError) -> Duration {
        let clock = ContinuousClock()
        var taken = Duration.zero
        var (rest, hasRest) = (MessageQueueFigures(), false)
        let began = clock.now
        let all = try queues.queues(after: nil, prefix: "", maximum: .max)
        follow(all.map(\.id))
        taken += began.duration(to: clock.now)
        for queue in all {
            let began = clock.now
            let figures = try queues.figures(of: queue)
            if let series = own(queue.id) {
                series.show(figures, nowNanoseconds: queues.wallNanoseconds())
            } else {
                rest.add(figures)
                hasRest = true
            }
            taken += began.duration(to: clock.now)
            // Others have their turn: there may be ten thousand queues.
            await Task.yield()
        }
        if hasRest || state.withLock({ $0.others != nil }) {
            state.withLock { others(in: &$0) }.show(rest, nowNanoseconds: queues.wallNanoseconds())
        }
        return taken
    }

    private func follow(_ queues: [QueueID]) {
        state.withLock { state in
            for queue in state.shares.follow(queues) { state.series.removeValue(forKey: queue)?.destroy() }
        }
    }

    /// A queue's own series; nil when it is one of the others.
    private func own(_ queue: QueueID) -> Series? {
        state.withLock { $0.shares.own.contains(queue) ? series(of: queue, in: &$0) : nil }
    }

    private func series(of queue: QueueID, in state: inout State) -> Series {
        guard state.shares.admits(queue) else { return others(in: &state) }
        if let known = state.series[queue] { return known }
        let new = Series(queue.description, factory)
        state.series[queue] = new
        return new
    }

    private func others(in state: inout State) -> Series {
        if let known = state.others { return known }
        let new = Series(QueueSeries.others, factory)
        state.others = new
        return new
    }
}

extension MessageQueueEvent {
    /// As a metric's name has it.
    fileprivate var metric: String {
        switch self {
        case .sent: "sent"
        case .received: "received"
        case .deleted: "deleted"
        case .deadLettered: "dead_lettered"
        case .expired: "expired"
        }
    }
}

extension MessageQueueFigures {
    /// Counts another queue's messages, too; the oldest is the oldest of both.
    fileprivate mutating func add(_ other: MessageQueueFigures) {
        visible += other.visible
        inFlight += other.inFlight
        delayed += other.delayed
        let oldest = [oldestSentAtNanoseconds, other.oldestSentAtNanoseconds].compactMap { $0 }
        oldestSentAtNanoseconds = oldest.min()
    }
}
