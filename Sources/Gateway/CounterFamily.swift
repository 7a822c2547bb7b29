import Metrics

/// A counter for each case of an enumeration, all made at start, so that counting makes none.
struct CounterFamily<Case: Hashable & CaseIterable & Sendable>: Sendable {
    private let counters: [Case: Counter]

    /// - Parameters:
    ///   - label: the metric's name.
    ///   - dimension: the label that tells the cases apart.
    ///   - factory: makes the counters.
    ///   - name: what a case is called there.
    init(_ label: String, by dimension: String, factory: any MetricsFactory, name: (Case) -> String) {
        var counters: [Case: Counter] = [:]
        for one in Case.allCases {
            counters[one] = Counter(label: label, dimensions: [(dimension, name(one))], factory: factory)
        }
        self.counters = counters
    }

    /// Counts.
    func increment(_ one: Case, by count: Int = 1) { counters[one]?.increment(by: count) }
}

extension CounterFamily where Case: RawRepresentable<String> {
    /// Cases that are called by their raw values.
    init(_ label: String, by dimension: String, factory: any MetricsFactory) {
        self.init(label, by: dimension, factory: factory) { $0.rawValue }
    }
}
