import NIOCore
import NIOHTTP1
import SluiceCore

/// One HTTP connection: who gets the parts of a request, the order of answers, deadlines, back-pressure, the upgrade to a WebSocket, closing and
/// drain.
///
/// A value without a socket: events go in by the `mutating` methods, what is to be done comes out of ``next(now:)``, one thing at a time,
/// until it is nil. Time is passed in, nanoseconds of `StageClock`. ``HTTPConnectionHandler`` performs it.
struct HTTPConnection {
    /// What the connection is at.
    enum Phase: Equatable {
        /// Requests are read and answered.
        case open
        /// The last answer is made.
        case ending
        /// It is being written.
        case closing
        /// Our side is closed: what comes is read past until the client's is closed as well.
        case lingering
        /// It becomes a WebSocket, or is one.
        case upgraded
        /// It is gone.
        case closed
    }

    /// Who gets the parts of the request that is being read.
    enum Reading {
        /// No request is being read.
        case between
        /// Nobody yet: the authorizer is asked whether this publish may be read, and nothing is read meanwhile.
        case authorizing(IncomingPublish)
        /// A publish, whose body is collected.
        case publish(IncomingPublish)
        /// Nobody: the body of a request that is answered already is read past.
        case discarding
        /// A routed request.
        case routed
        /// A request for a WebSocket, which has no body.
        case handshake(Handshake)
        /// Nobody: nothing more of what comes is read.
        case ended
    }

    /// A request for a WebSocket.
    struct Handshake {
        /// What of it is there.
        enum Progress {
            /// Its head.
            case asked
            /// All of it; it isn't decided.
            case complete
            /// Its head, and it is accepted.
            case accepted
        }

        let number: UInt64
        let head: HTTPRequestHead
        /// The fields of the 101.
        var answer: HTTPHeaders
        var progress = Progress.asked
    }

    /// Whether the connection goes on, the stronger reason last.
    enum Stay: Int, Comparable {
        /// It does.
        case kept
        /// The gateway drains: it ends when nothing is left to do.
        case drains
        /// The request that is being read, or was read last, is its last.
        case ends
        /// The client has closed its side: so are those that have come.
        case inputClosed

        static func < (one: Stay, other: Stay) -> Bool { one.rawValue < other.rawValue }
    }

    /// How the connection is closed behind its last answer.
    enum Parting {
        /// At once.
        case plain
        /// The client may still be sending: closing at once would reset the connection and take the answer away from it
        /// (RFC 9112, section 9.6).
        case lingering
    }

    /// What is behind the events that wait.
    enum Tail {
        case nothing
        /// A part of a head.
        case head
    }

    /// The decoder, where a request offers another protocol.
    enum Decoding {
        /// It reads.
        case running
        /// It stops behind the request that is being read.
        case stopping
        /// It has stopped.
        case stopped
    }

    /// A routed request's answer.
    enum RoutedAnswer: Equatable {
        case none
        /// It hasn't begun.
        case awaited
        /// Its head is written; `last`: and says that the connection ends behind it.
        case begun(last: Bool)
    }

    let limits: HTTPLimits
    let rules: HeadRules
    let budgets: ByteBudgets
    /// Where the client connected to.
    var localAddress: SocketAddress?
    /// Who connected: the client, or a proxy.
    var peer = ClientAddress.unknown
    /// The certificate that it has shown, verified; never a proxy's.
    var certificate: ClientCertificate?
    /// Whether the connection is one of TLS.
    var isSecure: Bool?
    /// Who sent the last request.
    var client = ClientAddress.unknown
    var phase = Phase.open
    var reading = Reading.between
    var stay = Stay.kept
    var parting = Parting.plain
    var tail = Tail.nothing
    var decoding = Decoding.running
    var order = RequestOrder<PublishAnswer>()
    var deadlines: ConnectionDeadlines
    /// What waits for answers that are due before it.
    ///
    /// Reading stops while something waits, so that it holds one read's worth.
    var inbox = CircularBuffer<InboundEvent>()
    /// The room that bodies in the inbox take while the authorizer is asked whether they may be read at all.
    var waitingShare: BudgetShare?
    /// The Host field of the connection's last request that was looked at and let in.
    var acceptedHost: [UInt8] = []
    /// How the answer to the last request that was begun is written; requests that want anything but the usual run alone.
    var framing = AnswerFraming()
    var routedNumber: UInt64 = 0
    var routedAnswer = RoutedAnswer.none
    /// To be done before anything else.
    var owed: Action?
    /// When the connection is looked at again at the latest.
    private var wakeAt = UInt64.max

    init(limits: HTTPLimits, rules: HeadRules, budgets: ByteBudgets, now: UInt64) {
        self.limits = limits
        self.rules = rules
        self.budgets = budgets
        deadlines = ConnectionDeadlines(
            headNanoseconds: UInt64(clamping: limits.headTimeout.nanoseconds),
            bodyNanoseconds: UInt64(clamping: limits.bodyTimeout.nanoseconds),
            idleNanoseconds: UInt64(clamping: limits.idleTimeout.nanoseconds),
            now: now
        )
    }

    // MARK: - Events

    /// Something has come from the client.
    mutating func receive(_ event: InboundEvent) {
        switch phase {
        case .open:
            if case .part(.head) = event { tail = .nothing }
            if case .part(.body(let bytes)) = event, case .authorizing(let publish) = reading {
                let share = waitingShare ?? BudgetShare(of: budgets.unauthenticated)
                guard share.grow(by: bytes.readableBytes) else {
                    return refuse(publish.number, .overloaded(budgets.unauthenticated))
                }
                waitingShare = share
            }
            inbox.append(event)
        case .ending, .closing:
            if case .inputClosed = event { stay = .inputClosed }
        case .lingering:
            if case .inputClosed = event { cut() }
        case .upgraded:
            // Half a WebSocket is none.
            if case .inputClosed = event { cut() }
        case .closed: break
        }
    }

    /// Bytes have come, and behind all that is complete stands a part of a head.
    mutating func headBegan(now: UInt64) {
        guard phase == .open else { return }
        tail = .head
        if case .between = reading, inbox.isEmpty { deadlines.headBegan(now: now) }
    }

    /// The gateway drains.
    mutating func drain() {
        stay = max(stay, .drains)
        // Whoever waits for a WebSocket connects elsewhere.
        if phase == .open, case .handshake = reading { cut() }
    }

    /// The last answer has been written, or can't be.
    mutating func lastWritten(now: UInt64) {
        guard phase == .closing else { return }
        switch parting {
        case .lingering where stay != .inputClosed:
            phase = .lingering
            deadlines.lingers(now: now)
            owed = .closeOutput
        case .plain, .lingering: cut()
        }
    }

    /// The connection is gone.
    mutating func lost() {
        phase = .closed
        reading = .ended
        inbox.removeAll()
        waitingShare = nil
        owed = nil
    }

    /// Looks at the clock.
    mutating func judge(now: UInt64, _ pause: ConnectionDeadlines.Pause) {
        wakeAt = .max
        guard phase != .closed, phase != .upgraded else { return }
        // The last answer makes no progress: nothing else is waited for.
        if phase == .closing, now >= deadlines.due { return cut() }
        switch deadlines.verdict(now: now, pause) {
        case .lookAgain: break
        case .close: cut()
        case .headIsLate:
            guard phase == .open else { break }
            deadlines.bodyRead(now: now)
            let seconds = limits.headTimeout.nanoseconds / 1_000_000_000
            let error = APIError(.requestTimeout, "No complete request came within \(seconds) s.")
            inbox.append(.malformed(.refused(error, closes: true)))
        case .bodyIsLate:
            guard phase == .open else { break }
            bodyIsLate(now: now)
        }
    }

    /// When the connection must be looked at, if that is sooner than was said before.
    mutating func newWake() -> UInt64? {
        guard phase != .closed, phase != .upgraded, deadlines.due < wakeAt else { return nil }
        wakeAt = deadlines.due
        return wakeAt
    }

    // MARK: - Actions

    /// What is to be done next; nil when nothing is, until something happens.
    mutating func next(now: UInt64) -> Action? {
        if let action = owed {
            owed = nil
            return action
        }
        switch phase {
        case .open: break
        case .ending:
            phase = .closing
            return .closeWhenWritten
        case .closing, .lingering, .upgraded, .closed: return nil
        }
        while phase == .open {
            if let due = order.nextDue() { return write(due, now: now) }
            guard let event = inbox.popFirst() else { break }
            switch accept(event, now: now) {
            case .action(let action): return action
            case .done: if owed != nil { return next(now: now) }
            case .later:
                inbox.prepend(event)
                return resumption()
            }
        }
        if phase == .open { finish(now: now) }
        return phase == .ending ? next(now: now) : resumption()
    }

    /// Reads on behind a request whose offer of another protocol isn't taken.
    private mutating func resumption() -> Action? {
        guard phase == .open, decoding == .stopped, stay < .ends, case .between = reading else { return nil }
        decoding = .running
        return .decodeOn
    }

    /// Ends a connection that has nothing left to do.
    private mutating func finish(now: UInt64) {
        guard order.isEmpty, inbox.isEmpty else { return }
        switch reading {
        case .ended: break
        case .between: guard stay != .kept else { return }
        case .authorizing, .publish, .discarding, .routed, .handshake: return
        }
        end(now: now)
    }

    /// Ends the connection behind what is written.
    mutating func end(now: UInt64) {
        phase = .ending
        reading = .ended
        inbox.removeAll()
        waitingShare = nil
        // A client that doesn't read its last answer has as long as any.
        deadlines.bodyRead(now: now)
    }

    /// Closes the connection now.
    mutating func cut() {
        lost()
        owed = .close
    }

    /// Whether more may come from the client.
    func mayRead(isWritable: Bool) -> Bool {
        switch phase {
        case .ending, .closing, .lingering, .closed: return true
        case .upgraded: return false
        case .open: break
        }
        switch reading {
        case .authorizing: return false
        case .handshake(let handshake): if case .complete = handshake.progress { return false }
        case .between, .publish, .discarding, .routed, .ended: break
        }
        return inbox.isEmpty && order.count < limits.pipelinedRequests && isWritable
    }
}
