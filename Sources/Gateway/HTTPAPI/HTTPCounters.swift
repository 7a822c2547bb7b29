import Metrics
import SluiceCore

/// How the HTTP requests of this gateway were answered.
struct HTTPCounters: Sendable {
    private let accepted: Counter
    // One counter a code, made at start, so that the hot path makes none.
    private let refused: [APIErrorCode: Counter]
    private let routed: [Counter]

    init(factory: any MetricsFactory) {
        let name = "sluice_http_publishes_total"
        accepted = Counter(label: name, dimensions: [("code", "Accepted")], factory: factory)
        var refused: [APIErrorCode: Counter] = [:]
        for code in APIErrorCode.allCases {
            refused[code] = Counter(label: name, dimensions: [("code", code.rawValue)], factory: factory)
        }
        self.refused = refused
        routed = (1...5).map {
            Counter(label: "sluice_http_requests_total", dimensions: [("status", "\($0)xx")], factory: factory)
        }
    }

    /// Counts the answer to a publish.
    func count(_ answer: PublishAnswer) {
        switch answer {
        case .accepted, .acceptedBatch: accepted.increment()
        case .refused(let error, _, _): refused[error.code]?.increment()
        }
    }

    /// Counts the answer to another request by its status class.
    func countRouted(status: Int) {
        let index = status / 100 - 1
        if routed.indices.contains(index) { routed[index].increment() }
    }
}
