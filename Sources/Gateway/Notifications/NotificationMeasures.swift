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

    private let deliveries: [Outcome: Counter]

    init(factory: any MetricsFactory) {
        var deliveries: [Outcome: Counter] = [:]
        for outcome in Outcome.allCases {
            deliveries[outcome] = Counter(
                label: "sluice_sns_deliveries_total",
                dimensions: [("outcome", outcome.rawValue)],
                factory: factory
            )
        }
        self.deliveries = deliveries
    }

    /// So many have ended so.
    func ended(_ outcome: Outcome, _ count: Int = 1) {
        if count > 0 { deliveries[outcome]?.increment(by: count) }
    }
}
