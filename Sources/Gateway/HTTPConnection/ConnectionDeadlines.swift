/// Which deadline of an HTTP connection is running.
///
/// Time is passed in, nanoseconds of `StageClock`.
///
/// Deadlines count from complete heads and bodies, and from a head's first byte, never from later bytes, so that a client which trickles
/// bytes gains nothing.
struct ConnectionDeadlines {
    /// What to do when the timer fires.
    enum Verdict: Equatable {
        /// Nothing is late.
        case lookAgain
        /// A head is late: answer 408 and close.
        case headIsLate
        /// A body is late: answer 408 and close.
        case bodyIsLate
        /// The connection is silent, or its client doesn't read: close it.
        case close
    }

    /// Why nothing is read from the client at the moment.
    enum Pause: Equatable {
        /// It is read.
        case none
        /// The gateway has enough to do; that isn't the client's fault.
        case ours
        /// The client doesn't take what is written to it.
        case stuck
    }

    private enum Phase {
        case idle(since: UInt64)
        case heading(since: UInt64)
        case reading(since: UInt64)
        case answering(since: UInt64)
        case lingering(since: UInt64)
    }

    private let headNanoseconds: UInt64
    private let bodyNanoseconds: UInt64
    private let idleNanoseconds: UInt64
    private var phase: Phase

    /// How long a client may take to close its side after ours, nanoseconds.
    static let lingerNanoseconds: UInt64 = 2_000_000_000

    /// The deadlines of a connection that begins now: its first head is waited for.
    init(headNanoseconds: UInt64, bodyNanoseconds: UInt64, idleNanoseconds: UInt64, now: UInt64) {
        self.headNanoseconds = max(1, headNanoseconds)
        self.bodyNanoseconds = max(1, bodyNanoseconds)
        self.idleNanoseconds = max(1, idleNanoseconds)
        phase = .heading(since: now)
    }

    /// Whether a request's body is being read.
    var isReading: Bool {
        if case .reading = phase { true } else { false }
    }

    /// A part of a head has come.
    mutating func headBegan(now: UInt64) {
        switch phase {
        case .idle, .answering: phase = .heading(since: now)
        case .heading, .reading, .lingering: break
        }
    }

    /// A head has come.
    mutating func headRead(now: UInt64) { phase = .reading(since: now) }

    /// A body is complete and its request isn't answered.
    mutating func bodyRead(now: UInt64) { phase = .answering(since: now) }

    /// The last request in progress is answered.
    mutating func allAnswered(now: UInt64) { if case .answering = phase { phase = .idle(since: now) } }

    /// The gateway's side is closed.
    mutating func lingers(now: UInt64) { phase = .lingering(since: now) }

    /// The client is read again: what it couldn't send until now isn't late.
    mutating func readAgain(now: UInt64) {
        switch phase {
        case .heading: phase = .heading(since: now)
        case .reading: phase = .reading(since: now)
        case .idle, .answering, .lingering: break
        }
    }

    /// The client has taken what was written to it.
    mutating func progressed(now: UInt64) { if case .answering = phase { phase = .answering(since: now) } }

    /// When to look again.
    var due: UInt64 {
        switch phase {
        case .idle(let since), .answering(let since): since &+ idleNanoseconds
        case .heading(let since): since &+ headNanoseconds
        case .reading(let since): since &+ bodyNanoseconds
        case .lingering(let since): since &+ ConnectionDeadlines.lingerNanoseconds
        }
    }

    /// Judges the connection.
    mutating func verdict(now: UInt64, _ pause: Pause) -> Verdict {
        guard now >= due else { return .lookAgain }
        switch phase {
        case .idle, .lingering: return .close
        case .answering:
            // A slow handler isn't the client's fault; a client that doesn't read its answers is.
            if pause == .stuck { return .close }
            phase = .answering(since: now)
            return .lookAgain
        case .heading, .reading:
            switch pause {
            case .none: return isReading ? .bodyIsLate : .headIsLate
            case .ours: readAgain(now: now)
            // It has as long as any client that doesn't read.
            case .stuck: phase = .answering(since: now)
            }
            return .lookAgain
        }
    }
}
