import NIOCore
import SluiceCore

/// What a client is told before it happens.
enum ConnectionWarning: Equatable {
    /// Its token ends.
    case tokenEnds(inSeconds: Int)
    /// Its connection ends, since it is as old as one may be.
    case connectionEnds(inSeconds: Int)
}

/// What time does to a connection: pings when it is silent, the end when it stays silent, its token's end, its own, each with a word before, and the
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
        /// A word before an end.
        case warn(ConnectionWarning)
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
    private var tokenEnd: PlannedEnd
    private var ageEnd: PlannedEnd
    private var drainsAt = UInt64.max

    /// An end, and when the client is told of it; `max` for never, or not again.
    private struct PlannedEnd {
        var at = UInt64.max
        var toldAt = UInt64.max

        /// Is told so long before, or when half of the time is over where that is later.
        init(at: UInt64?, warning: UInt64, now: UInt64) {
            guard let at else { return }
            self.at = at
            let left = at > now ? at - now : 0
            toldAt = at - min(warning, left / 2)
        }

        /// The seconds that are left, once, when it is time to tell.
        mutating func tell(now: UInt64) -> Int? {
            guard now >= toldAt, now < at else { return nil }
            toldAt = .max
            return Int(clamping: (at - now + 999_999_999) / 1_000_000_000)
        }
    }

    /// Begins to watch.
    /// - Parameters:
    ///   - now: when the connection began.
    ///   - expiresAt: when the connection's token ends; nil for never.
    ///   - tokenWarning: how long before the client is told.
    ///   - tooOldAt: when the connection is as old as it may be; nil for never.
    ///   - ageWarning: how long before the client is told.
    init(now: UInt64, expiresAt: UInt64?, tokenWarning: UInt64 = 0, tooOldAt: UInt64? = nil, ageWarning: UInt64 = 0) {
        lastHeard = now
        tokenEnd = PlannedEnd(at: expiresAt, warning: tokenWarning, now: now)
        ageEnd = PlannedEnd(at: tooOldAt, warning: ageWarning, now: now)
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

    /// The client has another token, which ends then; nil for never.
    mutating func renewed(expiresAt: UInt64?, warning: UInt64, now: UInt64) {
        tokenEnd = PlannedEnd(at: expiresAt, warning: warning, now: now)
    }

    /// The gateway drains: the connection ends at `time`, unless its token ends before.
    mutating func drain(at time: UInt64) { drainsAt = min(drainsAt, time) }

    /// Judges the connection; a ping is due once a silence.
    ///
    /// Only who leaves a ping without an answer is idle: a gateway that stood still has heard nobody, though all have spoken. Without pings,
    /// `pingAfter` 0, silence alone makes one idle.
    mutating func verdict(now: UInt64, pingAfter: UInt64, idleAfter: UInt64, messageAfter: UInt64) -> Verdict {
        if let code = endCode(now: now) { return .close(code) }
        let silence = now > lastHeard ? now - lastHeard : 0
        if pingAfter == 0, silence >= idleAfter { return .close(.idleTimeout) }
        if let pingedAt, silence >= idleAfter, now >= pingedAt, now - pingedAt >= idleAfter - min(pingAfter, idleAfter)
        {
            return .close(.idleTimeout)
        }
        if messageSince < now, now - messageSince >= messageAfter { return .close(.messageTimeout) }
        if let seconds = tokenEnd.tell(now: now) { return .warn(.tokenEnds(inSeconds: seconds)) }
        if let seconds = ageEnd.tell(now: now) { return .warn(.connectionEnds(inSeconds: seconds)) }
        guard pingAfter > 0, silence >= pingAfter, pingedAt == nil else { return .nothing }
        pingedAt = now
        return .ping
    }

    /// Why the connection ends now, the first reason that came; nil when it doesn't.
    private func endCode(now: UInt64) -> CloseCode? {
        let first = min(tokenEnd.at, ageEnd.at, drainsAt)
        guard now >= first else { return nil }
        if first == tokenEnd.at { return .tokenExpired }
        return first == drainsAt ? .goingAway : .connectionTooOld
    }
}
