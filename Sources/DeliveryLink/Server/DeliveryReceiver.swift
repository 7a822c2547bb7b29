import Logging

/// The gateway's side of the deliveries.
package protocol DeliveryReceiver: Sendable {
    /// Takes the deliveries that came in one read, in their order; called on the link's event loop.
    ///
    /// Each delivery wants exactly one receipt, now or later, through `link`. A delivery without a receipt keeps its
    /// credit, and the publisher keeps its records.
    func receive(_ deliveries: [Delivery], on link: LinkReplies)
}

/// What a ``LinkServer`` tells the handlers of its links.
enum LinkServerEvent {
    /// Take no more deliveries.
    case drain
    /// Newer handshakes need the place.
    case displace
    /// Close now.
    case close
}

/// Keeps a publisher that is refused every few seconds, or a port scanner, from filling the log: one warning a code and
/// minute.
struct RefusalLog {
    private static let quietNanoseconds: UInt64 = 60_000_000_000
    private var warnedAt: [LinkErrorCode: UInt64] = [:]

    /// How loud to be about an error that closed a link.
    mutating func level(for code: LinkErrorCode, nowNanoseconds: UInt64) -> Logger.Level {
        if let last = warnedAt[code], nowNanoseconds &- last < RefusalLog.quietNanoseconds { return .debug }
        warnedAt[code] = nowNanoseconds
        return .warning
    }
}
