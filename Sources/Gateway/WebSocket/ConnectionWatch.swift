import NIOCore
import SluiceCore

/// What time does to a connection: pings when it is silent, the end when it stays silent, its token's end, and the
/// drain.
///
/// Looked at by the loop's one sweep, so that no connection has a timer. Time is passed in, nanoseconds of `StageClock`.
struct ConnectionWatch {
    /// What is due.
    enum Verdict: Equatable {
        /// Nothing.
        case nothing
        /// A ping.
        case ping
        /// The end.
        case close(CloseCode)
    }

    /// Whether a message has begun that isn't complete.
    enum Message {
        case none
        case open
    }

    private var lastHeard: UInt64
    /// When the message began that isn't complete; `max` for none.
    private var messageSince = UInt64.max
    /// When it was pinged last; nil when something has come since.
    private var pingedAt: UInt64?
    private var endsAt: UInt64
    private var endCode: CloseCode

    /// Begins to watch.
    /// - Parameters:
    ///   - now: when the connection began.
    ///   - expiresAt: when the connection's token ends; nil for never.
    init(now: UInt64, expiresAt: UInt64?) {
        lastHeard = now
        endsAt = expiresAt ?? .max
        endCode = .tokenExpired
    }

    /// Something came from the client.
    mutating func heard(now: UInt64) {
        lastHeard = now
        pingedAt = nil
    }

    /// A part of a message has come, or its end.
    mutating func message(_ message: Message, now: UInt64) {
        switch message {
        case .none: messageSince = .max
        case .open: messageSince = min(messageSince, now)
        }
    }

    /// The gateway drains: the connection ends at `time`, unless its token ends before.
    mutating func drain(at time: UInt64) {
        guard time < endsAt else { return }
        endsAt = time
        endCode = .goingAway
    }

    /// Judges the connection; a ping is due once a silence.
    ///
    /// Only who leaves a ping without an answer is idle: a gateway that stood still has heard nobody, though all have spoken.
    mutating func verdict(now: UInt64, pingAfter: UInt64, idleAfter: UInt64, messageAfter: UInt64) -> Verdict {
        if now >= endsAt { return .close(endCode) }
        let silence = now > lastHeard ? now - lastHeard : 0
        if let pingedAt, silence >= idleAfter, now >= pingedAt, now - pingedAt >= idleAfter - min(pingAfter, idleAfter)
        {
            return .close(.idleTimeout)
        }
        if messageSince < now, now - messageSince >= messageAfter { return .close(.messageTimeout) }
        guard silence >= pingAfter, pingedAt == nil else { return .nothing }
        pingedAt = now
        return .ping
    }
}
