import NIOCore
import SluiceCore

/// The publisher's end of one connection as a value: frames, deliveries and the time in, actions out.
///
/// `LinkClientHandler` performs them.
///
/// It lives from connect to disconnect; the reconnect is another session. Whatever was given to ``send(_:)`` comes out
/// exactly once: as a receipt, or in the list of ``disconnected()``.
struct LinkClientSession {
    /// What the shell has to do.
    enum Action {
        case nothing
        case write(LinkFrame)
        /// The handshake is done: tell the publisher.
        case open(LinkCredit)
        /// Give it to the publisher with what else came in this read.
        case receipt(Receipt)
        /// Tell the other end why, then close.
        case reject(LinkError)
        /// Just close.
        case close(LinkError)
    }

    /// What sending, or credit that came back, leads to.
    struct Outcome {
        /// Frames to write now.
        var frames: [ByteBuffer] = []
        /// Answers for deliveries that don't go to the gateway.
        var refused: [Receipt] = []
    }

    private enum Phase {
        case awaitingChallenge(until: UInt64)
        case awaitingWelcome(LinkProof, until: UInt64)
        case open
        /// The gateway takes no more, or this end sends no more; `until` bounds the latter.
        case finishing(LinkError, until: UInt64?)
        case closed
    }

    private let limits: LinkLimits
    private let secret: LinkSecret?
    private let hello: LinkHello
    private var phase: Phase
    private var window = LinkCreditWindow(credit: LinkCredit(bytes: 0, deliveries: 0, frameBytes: 0))
    private var waiting: [OutgoingDeliveries] = []
    private var waitingBytes = 0
    private var silence: LinkSilence
    private var nextPingNanoseconds: UInt64

    /// Starts with the handshake; `gateway` is who the address shall belong to, and `nonce` is this connection's own.
    init(limits: LinkLimits, gateway: GatewayID, secret: LinkSecret?, nonce: LinkNonce, nowNanoseconds: UInt64) {
        self.limits = limits
        self.secret = secret
        hello = LinkHello(version: LinkVersion.current, nonce: nonce, gateway: gateway.rawValue)
        phase = .awaitingChallenge(until: nowNanoseconds &+ limits.handshakeTimeoutNanoseconds)
        silence = LinkSilence(limitNanoseconds: limits.silenceNanoseconds, nowNanoseconds: nowNanoseconds)
        nextPingNanoseconds = nowNanoseconds &+ limits.pingIntervalNanoseconds
    }

    /// Whether deliveries are taken.
    var isOpen: Bool {
        if case .open = phase { true } else { false }
    }

    /// How many deliveries have been written and wait for their receipt.
    var outstandingCount: Int { window.count }

    // MARK: - Frames

    /// The first frame.
    func start() -> LinkFrame { .hello(hello) }

    /// A frame came.
    mutating func receive(_ frame: LinkFrame, nowNanoseconds: UInt64) -> Action {
        silence.heard(nowNanoseconds: nowNanoseconds)
        if case .reject(let error) = frame { return end(.close(error)) }
        switch phase {
        case .closed:
            return .nothing
        case .awaitingChallenge(let until):
            guard case .challenge(let challenge) = frame else { return unexpected(frame) }
            return prove(challenge, until: until)
        case .awaitingWelcome(let proof, _):
            guard case .welcome(let welcome) = frame else { return unexpected(frame) }
            return open(welcome, with: proof)
        case .open, .finishing:
            switch frame {
            case .receipt(let receipt): return accept(receipt)
            case .pong: return .nothing
            case .drain: return drain()
            default: return unexpected(frame)
            }
        }
    }

    private mutating func prove(_ challenge: LinkChallenge, until: UInt64) -> Action {
        guard challenge.version == LinkVersion.current else {
            return end(.reject(.versions(gateway: challenge.version, publisher: LinkVersion.current)))
        }
        let proof = LinkProof(secret: secret, hello: hello, challenge: challenge)
        phase = .awaitingWelcome(proof, until: until)
        return .write(.proof(proof.make(by: .publisher)))
    }

    private mutating func open(_ welcome: LinkWelcome, with proof: LinkProof) -> Action {
        guard proof.isValid(welcome.proof, by: .gateway) else {
            let how =
                welcome.proof.isEmpty
                ? "no link secret and the publisher has one" : "another link secret than the publisher"
            return end(.reject(LinkError(.wrongSecret, "The gateway has \(how). Set the same secret on both.")))
        }
        window = LinkCreditWindow(credit: welcome.credit)
        phase = .open
        return .open(welcome.credit)
    }

    private mutating func accept(_ receipt: Receipt) -> Action {
        guard window.remove(receipt.deliveryID) else {
            return end(
                .reject(
                    LinkError(
                        .unexpectedFrame,
                        "A receipt came for delivery \(receipt.deliveryID), which doesn't wait for one."
                    )
                )
            )
        }
        return .receipt(receipt)
    }

    private mutating func drain() -> Action {
        if isOpen { phase = .finishing(.drainingGateway, until: nil) }
        return .nothing
    }

    private mutating func unexpected(_ frame: LinkFrame) -> Action {
        end(.reject(.unexpected(frame, when: window.credit.deliveries > 0 ? "on an open link" : "in the handshake")))
    }

    // MARK: - Deliveries

    /// The publisher has deliveries.
    ///
    /// Those that the credit doesn't allow wait their turn.
    mutating func send(_ deliveries: OutgoingDeliveries) -> Outcome {
        var outcome = Outcome()
        guard isOpen else {
            var isFinishing = false
            if case .finishing = phase { isFinishing = true }
            outcome.refused = deliveries.parts.map { .refused($0.id, isFinishing ? .draining : .notConnected) }
            return outcome
        }
        guard
            waitingBytes == 0
                || deliveries.byteCount <= limits.maximumWaitingBytes - min(waitingBytes, limits.maximumWaitingBytes)
        else {
            outcome.refused = deliveries.parts.map { .refused($0.id, .noCredit) }
            return outcome
        }
        waiting.append(deliveries)
        waitingBytes += deliveries.byteCount
        release(into: &outcome)
        return outcome
    }

    /// Receipts have come: what waited for credit goes now, and what can't go any more is answered.
    mutating func settle() -> Outcome {
        var outcome = Outcome()
        switch phase {
        case .open: release(into: &outcome)
        case .finishing: outcome.refused = removeWaiting().map { .refused($0, .draining) }
        case .awaitingChallenge, .awaitingWelcome, .closed: break
        }
        return outcome
    }

    /// The error to close with when everything that was to be answered has been.
    mutating func finished() -> LinkError? {
        guard case .finishing(let error, _) = phase, window.isEmpty, waiting.isEmpty else { return nil }
        phase = .closed
        return error
    }

    private mutating func release(into outcome: inout Outcome) {
        while var deliveries = waiting.first {
            var count = 0
            for part in deliveries.parts {
                // What can't go at all is cut out by itself, so that the frames before it stay in one piece.
                if let failure = refusal(of: part) {
                    if count == 0 {
                        outcome.refused.append(.refused(part.id, failure))
                        count = -1
                    }
                    break
                }
                guard window.allows(byteCount: part.byteCount) else { break }
                window.insert(part.id, byteCount: part.byteCount)
                count += 1
            }
            guard count != 0 else { return }
            let released = deliveries.removeFirst(abs(count))
            if count > 0 { outcome.frames.append(released.frames) }
            waitingBytes -= released.byteCount
            if deliveries.parts.isEmpty { waiting.removeFirst() } else { waiting[0] = deliveries }
        }
    }

    private func refusal(of part: OutgoingDeliveries.Part) -> ReceiptFailure? {
        // The limit doesn't count the length itself; nothing is won by those four bytes.
        if part.byteCount == 0 || part.byteCount > window.credit.frameBytes { return .tooLarge }
        return window.contains(part.id) ? .duplicate : nil
    }

    private mutating func removeWaiting() -> [UInt64] {
        defer {
            waiting = []
            waitingBytes = 0
        }
        return waiting.flatMap { $0.parts.map(\.id) }
    }

    // MARK: - End

    /// The publisher closes the link: no more deliveries, the receipts that are due are waited for.
    mutating func close(nowNanoseconds: UInt64) -> Action {
        let error = LinkError(.closed, "The publisher has closed the link.")
        switch phase {
        case .closed:
            return .nothing
        case .awaitingChallenge, .awaitingWelcome:
            return end(.close(error))
        case .open, .finishing:
            phase = .finishing(error, until: nowNanoseconds &+ limits.closeTimeoutNanoseconds)
            return .nothing
        }
    }

    /// The bytes that came aren't frames.
    mutating func fail(_ error: LinkError) -> Action {
        if case .closed = phase { return .nothing }
        return end(.reject(error))
    }

    /// The connection is gone.
    /// - Returns: every delivery without a receipt, whether it was written or still waited for credit.
    mutating func disconnected() -> [UInt64] {
        phase = .closed
        let unacknowledged = window.ids + removeWaiting()
        window = LinkCreditWindow(credit: window.credit)
        return unacknowledged
    }

    /// Looks at the time-outs, and at whether a ping is due.
    mutating func tick(nowNanoseconds: UInt64) -> Action {
        switch phase {
        case .closed:
            return .nothing
        case .awaitingChallenge(let until), .awaitingWelcome(_, let until):
            return nowNanoseconds >= until ? end(.reject(.slowHandshake(limits))) : .nothing
        case .finishing(let error, let until?) where nowNanoseconds >= until:
            return end(.close(error))
        case .open, .finishing:
            if let error = silence.error(nowNanoseconds: nowNanoseconds) { return end(.close(error)) }
            // Also while deliveries flow: a gateway that takes long to answer them is alive if it answers the ping.
            guard nowNanoseconds >= nextPingNanoseconds else { return .nothing }
            nextPingNanoseconds = nowNanoseconds &+ limits.pingIntervalNanoseconds
            return .write(.ping)
        }
    }

    private mutating func end(_ action: Action) -> Action {
        phase = .closed
        return action
    }
}
