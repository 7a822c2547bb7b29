import Metrics

/// What is measured about the questions to the back end.
struct WebhookMeasures: Sendable {
    /// How a question ended.
    enum Outcome: String, CaseIterable {
        case answered
        case failed
        case refused
    }

    private let questions: CounterFamily<Outcome>
    private let waiting: Gauge
    private let entries: Gauge
    private let bytes: Gauge
    private let evictions: Counter

    init(factory: any MetricsFactory) {
        questions = CounterFamily("sluice_webhook_questions_total", by: "outcome", factory: factory)
        func gauge(_ label: String) -> Gauge { Gauge(label: label, dimensions: [], factory: factory) }
        waiting = gauge("sluice_webhook_waiting_questions")
        entries = gauge("sluice_webhook_cache_answers")
        bytes = gauge("sluice_webhook_cache_bytes")
        evictions = Counter(label: "sluice_webhook_cache_evictions_total", dimensions: [], factory: factory)
    }

    /// A question has ended.
    func ended(_ outcome: Outcome) { questions.increment(outcome) }

    /// How the bookkeeping stands.
    func record(_ state: WebhookState) {
        waiting.record(state.waitingCount)
        entries.record(state.answerCount)
        bytes.record(state.cacheBytes)
        if state.newEvictionCount > 0 { evictions.increment(by: state.newEvictionCount) }
    }
}

/// The sizes of ``WebhookQuestions`` at one moment.
struct WebhookState {
    let waitingCount: Int
    let answerCount: Int
    let cacheBytes: Int
    /// Answers that had to make room since the last time.
    let newEvictionCount: Int
}
