import SluiceCore

/// The gateway's end of one link as a value: frames, replies and the time in, actions out.
///
/// `LinkServerHandler` performs them.
struct LinkServerSession {
    /// What the shell has to do.
    enum Action {
        case nothing
        case write(LinkFrame)
        /// The publisher has proven itself: give it a place, or a reason why it gets none, by ``admit(unless:)``.
        case seek
        /// Write the welcome; deliveries may come.
        case open(LinkWelcome)
        /// Give it to the receiver with what else came in this read.
        case deliver(Delivery)
        /// Tell the other end why, then close.
        case reject(LinkError)
        /// Just close.
        case close(LinkError)
    }

    private enum Phase {
        case awaitingHello(until: UInt64)
        case awaitingProof(LinkHello, LinkProof, until: UInt64)
        /// The publisher has proven itself, and the shell looks whether there is a place for the link.
        case awaitingPlace(LinkProof)
        case open
        case closed
    }

    private let limits: LinkLimits
    private let gateway: GatewayID
    private let secret: LinkSecret?
    private let nonce: LinkNonce
    private var phase: Phase
    /// Why this gateway takes no further link; told after the hello, when the other end listens.
    private var refusal: LinkError?
    private var window: LinkCreditWindow
    private var silence: LinkSilence

    /// Starts with the handshake; `refusal` says why this link isn't wanted, if it isn't, and `nonce` is this link's own.
    init(
        limits: LinkLimits,
        gateway: GatewayID,
        secret: LinkSecret?,
        refusal: LinkError? = nil,
        nonce: LinkNonce,
        nowNanoseconds: UInt64
    ) {
        self.limits = limits
        self.gateway = gateway
        self.secret = secret
        self.nonce = nonce
        self.refusal = refusal
        phase = .awaitingHello(until: nowNanoseconds &+ limits.handshakeTimeoutNanoseconds)
        window = LinkCreditWindow(
            credit: LinkCredit(
                bytes: limits.maximumUnacknowledgedBytes,
                deliveries: limits.maximumUnacknowledgedDeliveries,
                frameBytes: limits.maximumFrameBytes
            )
        )
        silence = LinkSilence(limitNanoseconds: limits.silenceNanoseconds, nowNanoseconds: nowNanoseconds)
    }

    /// Whether the handshake is done.
    var isOpen: Bool {
        if case .open = phase { true } else { false }
    }

    /// How many deliveries wait for their receipt.
    var outstandingCount: Int { window.count }

    // MARK: - Frames

    /// A frame came; `byteCount` is its length with prefix, which counts against the credit.
    mutating func receive(_ frame: LinkFrame, byteCount: Int, nowNanoseconds: UInt64) -> Action {
        silence.heard(nowNanoseconds: nowNanoseconds)
        if case .reject(let error) = frame { return end(.close(error)) }
        switch phase {
        case .closed:
            return .nothing
        case .awaitingHello(let until):
            guard case .hello(let hello) = frame else { return unexpected(frame) }
            return greet(hello, until: until)
        case .awaitingPlace:
            return unexpected(frame)
        case .awaitingProof(let hello, let proof, _):
            guard case .proof(let bytes) = frame else { return unexpected(frame) }
            return check(bytes, of: hello, with: proof)
        case .open:
            switch frame {
            case .delivery(let delivery): return accept(delivery, byteCount: byteCount)
            case .ping: return .write(.pong)
            default: return unexpected(frame)
            }
        }
    }

    private mutating func greet(_ hello: LinkHello, until: UInt64) -> Action {
        guard hello.version == LinkVersion.current else {
            return end(.reject(.versions(gateway: LinkVersion.current, publisher: hello.version)))
        }
        if let refusal { return end(.reject(refusal)) }
        let challenge = LinkChallenge(version: LinkVersion.current, nonce: nonce)
        phase = .awaitingProof(hello, LinkProof(secret: secret, hello: hello, challenge: challenge), until: until)
        return .write(.challenge(challenge))
    }

    private mutating func check(_ bytes: [UInt8], of hello: LinkHello, with proof: LinkProof) -> Action {
        guard proof.isValid(bytes, by: .publisher) else {
            let how = bytes.isEmpty ? "no link secret and the gateway has one" : "another link secret than the gateway"
            return end(.reject(LinkError(.wrongSecret, "The publisher has \(how). Set the same secret on both.")))
        }
        guard hello.gateway == gateway.rawValue else {
            return end(
                .reject(
                    LinkError(
                        .wrongGateway,
                        "The publisher looks for gateway '\(hello.gateway.printable(limit: 64))' "
                            + "and this is '\(gateway)': the other one is gone."
                    )
                )
            )
        }
        if let refusal { return end(.reject(refusal)) }
        phase = .awaitingPlace(proof)
        return .seek
    }

    /// The shell has looked whether there is a place for a link that is proven.
    mutating func admit(unless refusal: LinkError?) -> Action {
        guard case .awaitingPlace(let proof) = phase else { return .nothing }
        if let refusal { return end(.reject(refusal)) }
        phase = .open
        return .open(LinkWelcome(credit: window.credit, proof: proof.make(by: .gateway)))
    }

    private mutating func accept(_ delivery: Delivery, byteCount: Int) -> Action {
        guard !window.contains(delivery.id) else {
            return end(
                .reject(LinkError(.unexpectedFrame, "Delivery \(delivery.id) came again before it had its receipt."))
            )
        }
        guard window.allows(byteCount: byteCount) else {
            return end(
                .reject(
                    LinkError(
                        .creditExceeded,
                        "Delivery \(delivery.id) of \(byteCount) bytes came with \(window.count) deliveries "
                            + "of \(window.bytes) bytes waiting; the credit is \(window.credit.deliveries) deliveries "
                            + "of \(window.credit.bytes) bytes."
                    )
                )
            )
        }
        window.insert(delivery.id, byteCount: byteCount)
        return .deliver(delivery)
    }

    private mutating func unexpected(_ frame: LinkFrame) -> Action {
        end(.reject(.unexpected(frame, when: isOpen ? "on an open link" : "in the handshake")))
    }

    // MARK: - The gateway's side

    /// The receiver has answered.
    /// - Returns: the receipts to write: those of deliveries that still wait for one.
    mutating func reply(_ receipts: [Receipt]) -> [Receipt] {
        guard isOpen else { return [] }
        return receipts.filter { window.remove($0.deliveryID) }
    }

    /// The gateway is shutting down.
    ///
    /// What comes before the other end has read the drain frame is still taken.
    mutating func drain() -> Action {
        guard refusal == nil else { return .nothing }
        refusal = .drainingGateway
        return isOpen ? .write(.drain) : .nothing
    }

    /// The gateway is down.
    mutating func close() -> Action {
        if case .closed = phase { return .nothing }
        return end(.reject(LinkError(.closed, "The gateway has closed the link.")))
    }

    /// Newer handshakes need the place; a link that is open keeps its own.
    mutating func displace(_ limits: LinkLimits) -> Action {
        switch phase {
        case .awaitingHello, .awaitingProof: end(.reject(.displaced(limits)))
        case .awaitingPlace, .open, .closed: .nothing
        }
    }

    /// What came can't be used: the bytes aren't frames, or the receiver refuses a delivery.
    mutating func fail(_ error: LinkError) -> Action {
        if case .closed = phase { return .nothing }
        return end(.reject(error))
    }

    /// The connection is gone: nothing is written any more.
    mutating func disconnected() { phase = .closed }

    /// Looks at the time-outs.
    mutating func tick(nowNanoseconds: UInt64) -> Action {
        switch phase {
        case .closed, .awaitingPlace:
            return .nothing
        case .awaitingHello(let until), .awaitingProof(_, _, let until):
            guard nowNanoseconds >= until else { return .nothing }
            return end(.reject(.slowHandshake(limits)))
        case .open:
            guard let error = silence.error(nowNanoseconds: nowNanoseconds) else { return .nothing }
            return end(.close(error))
        }
    }

    private mutating func end(_ action: Action) -> Action {
        phase = .closed
        return action
    }
}
