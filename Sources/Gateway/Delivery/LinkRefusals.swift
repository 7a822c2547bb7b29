import DeliveryLink
import Metrics

/// Counts connections to the link's port, and links, that were ended for a fault of the other end.
struct LinkRefusals: Sendable {
    private let counters: [LinkErrorCode: Counter]

    init(factory: any MetricsFactory) {
        var counters: [LinkErrorCode: Counter] = [:]
        for code in LinkErrorCode.allCases {
            let dimensions = [("code", "\(code)")]
            counters[code] = Counter(label: "sluice_link_refusals_total", dimensions: dimensions, factory: factory)
        }
        self.counters = counters
    }

    @Sendable func note(_ code: LinkErrorCode) { counters[code]?.increment() }
}
