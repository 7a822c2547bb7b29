import SluiceCore
import Testing

@testable import DeliveryLink

@Suite struct LinkServerSessionTests {
    private let gateway = GatewayID("g")
    private let hello = LinkHello(version: current, nonce: nonce, gateway: "g")

    private func session(
        secret: String? = nil,
        refusal: LinkError? = nil,
        change: (inout LinkLimits) -> Void = { _ in }
    ) -> LinkServerSession {
        var limits = LinkLimits()
        change(&limits)
        return LinkServerSession(
            limits: limits,
            gateway: gateway,
            secret: DeliveryLinkTests.secret(secret),
            refusal: refusal,
            nonce: otherNonce,
            nowNanoseconds: 0
        )
    }

    private func open(change: (inout LinkLimits) -> Void = { _ in }) -> LinkServerSession {
        var session = session(change: change)
        _ = session.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        _ = session.receive(.proof([]), byteCount: 0, nowNanoseconds: 0)
        _ = session.admit(unless: nil)
        return session
    }

    private func proof(_ secret: String?, by role: LinkProof.Role = .publisher) -> [UInt8] {
        let challenge = LinkChallenge(version: current, nonce: otherNonce)
        return LinkProof(secret: DeliveryLinkTests.secret(secret), hello: hello, challenge: challenge).make(by: role)
    }

    // MARK: - Handshake

    @Test("a publisher that knows the secret is welcomed with the credit and the gateway's own proof")
    func handshake() {
        var session = session(secret: "s") { $0.maximumUnacknowledgedDeliveries = 7 }
        #expect(session.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0).text == "write challenge")
        #expect(session.receive(.proof(proof("s")), byteCount: 0, nowNanoseconds: 0).text == "seek")
        #expect(!session.isOpen)
        guard case .open(let welcome) = session.admit(unless: nil) else {
            return #expect(Bool(false))
        }
        #expect(welcome.credit.deliveries == 7 && welcome.proof == proof("s", by: .gateway) && session.isOpen)
    }

    @Test("a wrong, a missing and a reflected proof are refused", arguments: ["other", nil, "reflected"])
    func wrongSecret(secret: String?) {
        var session = session(secret: "s")
        _ = session.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        let bytes = secret == "reflected" ? proof("s", by: .gateway) : proof(secret)
        #expect(session.receive(.proof(bytes), byteCount: 0, nowNanoseconds: 0).text == "reject wrongSecret")
        #expect(!session.isOpen)
    }

    @Test("another version is refused with both versions in the message")
    func otherVersion() {
        var session = session()
        let hello = LinkHello(version: 9, nonce: LinkNonce(bytes: []), gateway: "")
        guard case .reject(let error) = session.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0) else {
            return #expect(Bool(false))
        }
        #expect(
            error.code == .versionMismatch && error.message.contains("version \(current)")
                && error.message.contains("version 9")
        )
    }

    @Test("a publisher that looks for another gateway is refused, but only once it has shown the secret")
    func wrongGateway() {
        let other = LinkHello(version: current, nonce: nonce, gateway: "h")
        var session = session()
        #expect(session.receive(.hello(other), byteCount: 0, nowNanoseconds: 0).text == "write challenge")
        #expect(session.receive(.proof([]), byteCount: 0, nowNanoseconds: 0).text == "reject wrongGateway")
    }

    @Test("too many links are told to who has proven himself, a gateway on its way out says so after the hello")
    func refusal() {
        var session = session(refusal: .drainingGateway)
        #expect(session.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0).text == "reject draining")
        var proven = self.session()
        _ = proven.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        #expect(proven.admit(unless: nil).text == "nothing" && !proven.isOpen)
        #expect(proven.receive(.proof([]), byteCount: 0, nowNanoseconds: 0).text == "seek")
        #expect(proven.admit(unless: .tooManyLinks(LinkLimits())).text == "reject tooManyLinks")
        #expect(proven.admit(unless: nil).text == "nothing" && !proven.isOpen)
        var late = self.session()
        _ = late.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        #expect(late.drain().text == "nothing")
        #expect(late.receive(.proof([]), byteCount: 0, nowNanoseconds: 0).text == "reject draining")
    }

    @Test("whose handshake isn't done can be displaced, an open link can't")
    func displaced() {
        var silent = session()
        #expect(silent.displace(LinkLimits()).text == "reject tooManyHandshakes")
        var greeted = session()
        _ = greeted.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        #expect(greeted.displace(LinkLimits()).text == "reject tooManyHandshakes")
        var link = open()
        #expect(link.displace(LinkLimits()).text == "nothing" && link.isOpen)
    }

    @Test("in each phase only the frames that make sense are taken")
    func unexpectedFrames() {
        var greeted = session()
        _ = greeted.receive(.hello(hello), byteCount: 0, nowNanoseconds: 0)
        let phases: [(LinkServerSession, takes: [String: String])] = [
            (session(), ["hello": "write challenge"]),
            (greeted, ["proof": "seek"]),
            (open(), ["delivery": "deliver 1", "ping": "write pong"]),
        ]
        for (start, takes) in phases {
            for frame in everyFrame {
                var session = start
                let expected = frame.name == "reject" ? "close draining" : takes[frame.name] ?? "reject unexpectedFrame"
                #expect(session.receive(frame, byteCount: 10, nowNanoseconds: 0).text == expected, "\(frame.name)")
                guard expected.hasPrefix("reject") || expected.hasPrefix("close") else { continue }
                // What ended is over.
                for frame in everyFrame where frame.name != "reject" {
                    #expect(session.receive(frame, byteCount: 10, nowNanoseconds: 0).text == "nothing")
                }
                #expect(session.tick(nowNanoseconds: .max).text == "nothing")
                #expect(session.close().text == "nothing" && session.drain().text == "nothing")
            }
        }
    }

    @Test("a handshake that takes too long is ended, in either phase")
    func slowHandshake() {
        var silent = session { $0.handshakeTimeoutNanoseconds = 50 }
        #expect(silent.tick(nowNanoseconds: 49).text == "nothing")
        #expect(silent.tick(nowNanoseconds: 50).text == "reject handshakeTimeout")
        var greeted = session { $0.handshakeTimeoutNanoseconds = 50 }
        _ = greeted.receive(.hello(hello), byteCount: 0, nowNanoseconds: 40)
        #expect(greeted.tick(nowNanoseconds: 50).text == "reject handshakeTimeout")
    }

    // MARK: - Open

    @Test("more deliveries than the credit allows end the link, and receipts give credit back")
    func credit() {
        let start = open {
            $0.maximumUnacknowledgedDeliveries = 2
            $0.maximumUnacknowledgedBytes = 100
        }
        var session = start
        for id in 1...2 as ClosedRange<UInt64> {
            #expect(session.receive(.delivery(delivery(id)), byteCount: 40, nowNanoseconds: 0).text == "deliver \(id)")
        }
        var overdrawn = session
        #expect(
            overdrawn.receive(.delivery(delivery(3)), byteCount: 1, nowNanoseconds: 0).text == "reject creditExceeded"
        )
        #expect(session.reply([Receipt(deliveryID: 1)]).count == 1)
        #expect(session.receive(.delivery(delivery(3)), byteCount: 60, nowNanoseconds: 0).text == "deliver 3")
        var tooLong = start
        #expect(tooLong.receive(.delivery(delivery(1)), byteCount: 1000, nowNanoseconds: 0).text == "deliver 1")
        #expect(
            tooLong.receive(.delivery(delivery(2)), byteCount: 1, nowNanoseconds: 0).text == "reject creditExceeded"
        )
    }

    @Test("only the first receipt of a delivery that is here is written")
    func receipts() {
        var session = open()
        _ = session.receive(.delivery(delivery(1)), byteCount: 40, nowNanoseconds: 0)
        _ = session.receive(.delivery(delivery(2)), byteCount: 40, nowNanoseconds: 0)
        let due = session.reply([1, 1, 9, 2].map { Receipt(deliveryID: $0) })
        #expect(due.map(\.deliveryID) == [1, 2])
        _ = session.receive(.delivery(delivery(3)), byteCount: 40, nowNanoseconds: 0)
        session.disconnected()
        #expect(session.reply([Receipt(deliveryID: 3)]).isEmpty)
    }

    @Test("a delivery that comes again before its receipt ends the link")
    func duplicate() {
        var session = open()
        _ = session.receive(.delivery(delivery(1)), byteCount: 40, nowNanoseconds: 0)
        #expect(
            session.receive(.delivery(delivery(1)), byteCount: 40, nowNanoseconds: 0).text == "reject unexpectedFrame"
        )
    }

    @Test("a draining gateway says so once and still takes what was on its way")
    func drain() {
        var session = open()
        #expect(session.drain().text == "write drain")
        #expect(session.drain().text == "nothing")
        #expect(session.receive(.delivery(delivery(1)), byteCount: 40, nowNanoseconds: 0).text == "deliver 1")
        #expect(session.reply([Receipt(deliveryID: 1)]).count == 1)
        #expect(session.close().text == "reject closed")
    }

    @Test("a publisher that says nothing for too long is given up, one that pings is not")
    func silence() {
        var session = open { $0.silenceNanoseconds = 100 }
        #expect(session.tick(nowNanoseconds: 99).text == "nothing")
        _ = session.receive(.ping, byteCount: 5, nowNanoseconds: 99)
        #expect(session.tick(nowNanoseconds: 198).text == "nothing")
        #expect(session.tick(nowNanoseconds: 199).text == "close silentPeer")
    }

    @Test("bytes that are no frame end the link with their error")
    func corrupt() {
        var session = open()
        #expect(session.fail(LinkError(.malformedFrame, "")).text == "reject malformedFrame")
        #expect(session.fail(LinkError(.malformedFrame, "")).text == "nothing")
    }
}
