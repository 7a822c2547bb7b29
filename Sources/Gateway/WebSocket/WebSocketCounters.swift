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
    private let closes: [CloseCode: Counter]

    init(factory: any MetricsFactory) {
        connections = Meter(label: "sluice_websocket_connections", dimensions: [], factory: factory)
        messages = Counter(label: "sluice_websocket_messages_total", dimensions: [], factory: factory)
        refused = Counter(label: "sluice_websocket_refused_messages_total", dimensions: [], factory: factory)
        events = Counter(label: "sluice_events_written_total", dimensions: [], factory: factory)
        repetitions = Counter(label: "sluice_repeated_records_total", dimensions: [], factory: factory)
        filled = Counter(label: "sluice_filled_records_total", dimensions: [], factory: factory)
        resumed = Counter(label: "sluice_resumed_records_total", dimensions: [], factory: factory)
        var closes: [CloseCode: Counter] = [:]
        for code in CloseCode.allCases {
            closes[code] = Counter(
                label: "sluice_websocket_closes_total",
                dimensions: [("code", "\(code.rawValue)")],
                factory: factory
            )
        }
        self.closes = closes
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

    /// Counts a close from the gateway's side.
    func closed(_ code: CloseCode) { closes[code]?.increment() }
}
