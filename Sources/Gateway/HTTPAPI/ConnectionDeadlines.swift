/// Which deadline of an HTTP connection is running.
///
/// Time is passed in, nanoseconds of `StageClock`.
///
/// Deadlines count from complete heads and bodies, never from single bytes, so that a client which trickles bytes gains
/// nothing.
struct ConnectionDeadlines {
    /// What to do when the timer fires.
    enum Verdict: Equatable {
        /// Nothing is late: look again after so many nanoseconds.
        case lookAgain(afterNanoseconds: UInt64)
        /// A body is late: answer 408 and close.
        case bodyIsLate
        /// The connection is silent: close it.
        case close
    }

    private enum Phase {
        case idle(since: UInt64)
        case reading(since: UInt64)
        case answering(since: UInt64)
    }

    private let bodyNanoseconds: UInt64
    private let idleNanoseconds: UInt64
    private var phase: Phase

    init(bodyNanoseconds: UInt64, idleNanoseconds: UInt64, now: UInt64) {
        self.bodyNanoseconds = max(1, bodyNanoseconds)
        self.idleNanoseconds = max(1, idleNanoseconds)
        phase = .idle(since: now)
    }

    /// Whether a request's body is being read.
    var isReading: Bool {
        if case .reading = phase { true } else { false }
    }

    /// A head has come.
    mutating func headRead(now: UInt64) { phase = .reading(since: now) }

    /// A body is complete and its request isn't answered.
    mutating func bodyRead(now: UInt64) { phase = .answering(since: now) }

    /// The last request in progress is answered.
    mutating func allAnswered(now: UInt64) { if !isReading { phase = .idle(since: now) } }

    /// Judges the connection.
    ///
    /// `isStuck`: the client doesn't take what is written to it.
    func verdict(now: UInt64, isStuck: Bool) -> Verdict {
        switch phase {
        case .idle(let since): remaining(since, idleNanoseconds, now).map { .lookAgain(afterNanoseconds: $0) } ?? .close
        case .reading(let since):
            remaining(since, bodyNanoseconds, now).map { .lookAgain(afterNanoseconds: $0) } ?? .bodyIsLate
        case .answering(let since):
            // A slow handler isn't the client's fault; a client that doesn't read its answers is.
            if let left = remaining(since, idleNanoseconds, now) {
                .lookAgain(afterNanoseconds: left)
            } else {
                isStuck ? .close : .lookAgain(afterNanoseconds: idleNanoseconds)
            }
        }
    }

    private func remaining(_ since: UInt64, _ length: UInt64, _ now: UInt64) -> UInt64? {
        let passed = now > since ? now - since : 0
        return passed < length ? length - passed : nil
    }
}
