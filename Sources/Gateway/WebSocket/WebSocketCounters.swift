import FanOut
import Metrics
import SluiceCore

/// What is counted about WebSockets and deliveries; made once, so that the hot path makes none.
struct WebSocketCounters: FanOutMeasures {
    private let connections: Meter
    private let messages: Counter
    private let refused: Counter
    private let events: Counter
    private let repetitions: Counter
    private let filled: Counter
    private let resumed: Counter
    private let subscriptions: Meter
    private let closes: [CloseCode: Counter]
    private let clientCloses: [UInt16: Counter]
    private let otherClientCloses: Counter
    private let compressed: Counter
    private let inflateRefusals: CounterFamily<InflateRefusal>

    init(factory: any MetricsFactory) {
        connections = Meter(label: "sluice_websocket_connections", dimensions: [], factory: factory)
        messages = Counter(label: "sluice_websocket_messages_total", dimensions: [], factory: factory)
        refused = Counter(label: "sluice_websocket_refused_messages_total", dimensions: [], factory: factory)
        events = Counter(label: "sluice_events_written_total", dimensions: [], factory: factory)
        repetitions = Counter(label: "sluice_repeated_records_total", dimensions: [], factory: factory)
        filled = Counter(label: "sluice_filled_records_total", dimensions: [], factory: factory)
        resumed = Counter(label: "sluice_resumed_records_total", dimensions: [], factory: factory)
        subscriptions = Meter(label: "sluice_subscriptions", dimensions: [], factory: factory)
        func closes(_ code: String, by side: String) -> Counter {
            Counter(
                label: "sluice_websocket_closes_total",
                dimensions: [("by", side), ("code", code)],
                factory: factory
            )
        }
        var gatewayCloses: [CloseCode: Counter] = [:]
        for code in CloseCode.allCases { gatewayCloses[code] = closes("\(code.rawValue)", by: "gateway") }
        self.closes = gatewayCloses
        // A client may send any of some thousand codes: those that say something have a series of their own.
        clientCloses = Dictionary(
            uniqueKeysWithValues: [1000, 1001, 1005, 1006].map { ($0, closes("\($0)", by: "client")) }
        )
        otherClientCloses = closes("other", by: "client")
        compressed = Counter(
            label: "sluice_websocket_compressed_connects_total",
            dimensions: [],
            factory: factory
        )
        inflateRefusals = CounterFamily(
            "sluice_websocket_refused_inflates_total",
            by: "reason",
            factory: factory
        )
    }

    /// A connection is open.
    func connectionOpened() { connections.increment() }

    /// A connection is gone.
    func connectionClosed() { connections.decrement() }

    /// A client has sent a message.
    func messageRead() { messages.increment() }

    /// A message, or what it asked for, was refused.
    func messageRefused() { refused.increment() }

    /// Events were written to sockets: records times subscribers.
    func eventsWritten(_ count: Int) { if count > 0 { events.increment(by: count) } }

    /// Delivered records were repetitions.
    func recordsRepeated(_ count: Int) { if count > 0 { repetitions.increment(by: count) } }

    /// Records were read from the log because their delivery came late or never.
    func recordsFilled(_ count: Int) { if count > 0 { filled.increment(by: count) } }

    /// Records were sent from histories.
    func recordsResumed(_ count: Int) { if count > 0 { resumed.increment(by: count) } }

    /// Subscriptions came, or went when the number is negative.
    func subscriptionsChanged(by count: Int) { subscriptions.increment(by: Double(count)) }

    /// Counts a close from the client's side: its code, 1005 for a close frame without one, 1006 for a connection that broke (RFC 6455,
    /// section 7.4.1).
    func closedByClient(_ code: UInt16) { (clientCloses[code] ?? otherClientCloses).increment() }

    /// Counts a close from the gateway's side.
    func closed(_ code: CloseCode) { closes[code]?.increment() }

    /// A connection is one with compression.
    func compressionNegotiated() { compressed.increment() }

    /// A compressed message of a client wasn't read.
    func inflateRefused(_ refusal: InflateRefusal) { inflateRefusals.increment(refusal) }
}
