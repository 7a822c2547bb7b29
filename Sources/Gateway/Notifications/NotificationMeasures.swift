import Metrics

/// What is measured about topics' messages.
struct NotificationMeasures: Sendable {
    /// How a message or an attempt ended.
    enum Outcome: String, CaseIterable {
        /// The endpoint has it.
        case delivered
        /// It is tried again.
        case retried
        /// It went to the dead letters.
        case deadLetter = "dead_letter"
        /// Nobody gets it.
        case dropped
    }

    private let deliveries: CounterFamily<Outcome>

    init(factory: any MetricsFactory) {
        deliveries = CounterFamily("sluice_sns_deliveries_total", by: "outcome", factory: factory)
    }

    /// So many have ended so.
    func ended(_ outcome: Outcome, _ count: Int = 1) {
        if count > 0 { deliveries.increment(outcome, by: count) }
    }
}
