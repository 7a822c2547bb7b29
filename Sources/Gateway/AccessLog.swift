import FanOut
import Logging
import SluiceCore
import Synchronization

/// One line for one in so many publishes, connects, subscribes and refusals: who did what, from where, and how it ended.
///
/// Off unless the operator asks for it; a line is made only when it is written. Payloads and tokens are in none.
final class AccessLog: Sendable {
    /// What happened; each kind is counted for itself, so that many publishes don't hide the connects.
    enum Event: Int, CaseIterable {
        case publish
        case connect
        case subscribe
        case refusal
    }

    private let every: UInt64
    private let logger: Logger
    // In the order of `Event.allCases`.
    private let publishes = Atomic<UInt64>(0)
    private let connects = Atomic<UInt64>(0)
    private let subscribes = Atomic<UInt64>(0)
    private let refusals = Atomic<UInt64>(0)

    /// Logs one of `every` so many events, the first among them; 0: none.
    init(every: Int, logger: Logger) {
        self.every = UInt64(clamping: every)
        self.logger = logger
    }

    /// Logs nothing.
    static let off = AccessLog(every: 0, logger: Logger(label: "off", factory: { _ in SwiftLogNoOpLogHandler() }))

    /// Logs the event if it is its turn.
    /// - Parameters:
    ///   - event: what happened.
    ///   - client: who it was, which isn't asked for unless it is logged.
    ///   - metadata: what else is known; it isn't made when it isn't logged.
    func note(
        _ event: Event,
        from client: @autoclosure () -> ClientAddress,
        _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        guard every > 0, count(event) % every == 0 else { return }
        var metadata = metadata()
        metadata["address"] = "\(client())"
        logger.info("access: \(event)", metadata: metadata)
    }

    /// How many there were before.
    private func count(_ event: Event) -> UInt64 {
        switch event {
        case .publish: publishes.wrappingAdd(1, ordering: .relaxed).oldValue
        case .connect: connects.wrappingAdd(1, ordering: .relaxed).oldValue
        case .subscribe: subscribes.wrappingAdd(1, ordering: .relaxed).oldValue
        case .refusal: refusals.wrappingAdd(1, ordering: .relaxed).oldValue
        }
    }
}

extension AccessLog {
    /// Records were committed.
    func published(
        _ topic: @autoclosure () -> Topic?,
        _ records: Int,
        bytes: Int,
        by principal: @autoclosure () -> String?,
        from client: @autoclosure () -> ClientAddress
    ) {
        note(
            .publish,
            from: client(),
            [
                "topic": "\(topic()?.name.printable(limit: 200) ?? "several")", "records": "\(records)",
                "bytes": "\(bytes)",
                "principal": "\(AccessLog.text(principal()))",
            ]
        )
    }

    /// A client has its connection.
    func connected(_ id: ConnectionID, _ principal: String?, from client: @autoclosure () -> ClientAddress) {
        note(
            .connect,
            from: client(),
            ["connection": "\(id)", "principal": "\(AccessLog.text(principal))"]
        )
    }

    /// A client has its subscriptions.
    func subscribed(
        _ id: ConnectionID,
        _ topics: [SubscribedTopic],
        _ principal: String?,
        from client: @autoclosure () -> ClientAddress
    ) {
        note(
            .subscribe,
            from: client(),
            [
                "connection": "\(id)", "topics": "\(topics.count)",
                "first": "\(topics.first?.topic.name.printable(limit: 200) ?? "-")",
                "principal": "\(AccessLog.text(principal))",
            ]
        )
    }

    /// A client was told an error.
    func refused(_ error: APIError, _ what: String, from client: @autoclosure () -> ClientAddress) {
        note(
            .refusal,
            from: client(),
            [
                "code": "\(error.code.rawValue)", "reason": "\(error.message)",
                "request": "\(what.printable(limit: 200))",
            ]
        )
    }

    private static func text(_ principal: String?) -> String { principal?.printable(limit: 100) ?? "-" }
}
