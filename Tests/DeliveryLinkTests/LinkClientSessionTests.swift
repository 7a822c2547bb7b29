import NIOCore
import SluiceCore
import Testing

@testable import DeliveryLink

@Suite struct LinkClientSessionTests {
    private let challenge = LinkChallenge(version: current, nonce: otherNonce)

    private func session(secret: String? = nil, change: (inout LinkLimits) -> Void = { _ in }) -> LinkClientSession {
        var limits = LinkLimits()
        change(&limits)
        return LinkClientSession(
            limits: limits,
            gateway: GatewayID("g"),
            secret: DeliveryLinkTests.secret(secret),
            nonce: nonce,
            nowNanoseconds: 0
        )
    }

    private func open(
        credit: LinkCredit = LinkCredit(bytes: 10_000, deliveries: 10, frameBytes: 5000),
        change: (inout LinkLimits) -> Void = { _ in }
    ) -> LinkClientSession {
        var session = session(change: change)
        _ = session.receive(.challenge(challenge), nowNanoseconds: 0)
        _ = session.receive(.welcome(LinkWelcome(credit: credit, proof: [])), nowNanoseconds: 0)
        return session
    }

    private func ids(_ outcome: LinkClientSession.Outcome) throws -> [UInt64] {
        try outcome.frames.flatMap { try decoded($0) }.compactMap {
            if case .delivery(let delivery) = $0 { delivery.id } else { nil }
        }
    }

    // MARK: - Handshake

    @Test("the publisher greets, proves and is open with the gateway's credit")
    func handshake() {
        var session = session(secret: "s")
        guard case .hello(let hello) = session.start() else { return #expect(Bool(false)) }
        #expect(hello == LinkHello(version: current, nonce: nonce, gateway: "g"))
        #expect(session.receive(.challenge(challenge), nowNanoseconds: 0).text == "write proof")
        let proof = LinkProof(secret: secret("s"), hello: hello, challenge: challenge).make(by: .gateway)
        let credit = LinkCredit(bytes: 1, deliveries: 2, frameBytes: 3)
        guard
            case .open(let granted) = session.receive(
                .welcome(LinkWelcome(credit: credit, proof: proof)),
                nowNanoseconds: 0
            )
        else {
            return #expect(Bool(false))
        }
        #expect(granted == credit && session.isOpen)
    }

    @Test("a gateway that can't prove the secret gets no delivery")
    func impostor() {
        for proof in [[], [1, 2, 3]] as [[UInt8]] {
            var session = session(secret: "s")
            _ = session.receive(.challenge(challenge), nowNanoseconds: 0)
            let welcome = LinkWelcome(credit: LinkCredit(bytes: 1, deliveries: 1, frameBytes: 1), proof: proof)
            #expect(session.receive(.welcome(welcome), nowNanoseconds: 0).text == "reject wrongSecret")
            #expect(session.send(outgoing(delivery(1))).refused.map(\.status) == [.failed(.notConnected)])
        }
    }

    @Test("a gateway of another version is refused with both versions in the message")
    func otherVersion() {
        var session = session()
        let challenge = LinkChallenge(version: 9, nonce: LinkNonce(bytes: []))
        guard case .reject(let error) = session.receive(.challenge(challenge), nowNanoseconds: 0) else {
            return #expect(Bool(false))
        }
        #expect(
            error.code == .versionMismatch && error.message.contains("version \(current)")
                && error.message.contains("version 9")
        )
    }

    @Test("in each phase only the frames that make sense are taken")
    func unexpectedFrames() {
        var greeted = session()
        _ = greeted.receive(.challenge(challenge), nowNanoseconds: 0)
        var sent = open()
        _ = sent.send(outgoing(delivery(1)))
        var finishing = sent
        _ = finishing.close(nowNanoseconds: 0)
        let whenOpen = ["receipt": "receipt 1", "pong": "nothing", "drain": "nothing"]
        let phases: [(LinkClientSession, takes: [String: String])] = [
            (session(), ["challenge": "write proof"]), (greeted, ["welcome": "open"]), (sent, whenOpen),
            (finishing, whenOpen),
        ]
        for (start, takes) in phases {
            for frame in everyFrame {
                var session = start
                let expected = frame.name == "reject" ? "close draining" : takes[frame.name] ?? "reject unexpectedFrame"
                #expect(session.receive(frame, nowNanoseconds: 0).text == expected, "\(frame.name)")
                guard expected.hasPrefix("reject") || expected.hasPrefix("close") else { continue }
                for frame in everyFrame where frame.name != "reject" {
                    #expect(session.receive(frame, nowNanoseconds: 0).text == "nothing")
                }
                #expect(session.tick(nowNanoseconds: .max).text == "nothing")
                #expect(session.close(nowNanoseconds: 0).text == "nothing")
            }
        }
    }

    @Test("a receipt for a delivery that doesn't wait ends the link")
    func strayReceipt() {
        var session = open()
        _ = session.send(outgoing(delivery(1)))
        #expect(session.receive(.receipt(Receipt(deliveryID: 2)), nowNanoseconds: 0).text == "reject unexpectedFrame")
        #expect(session.disconnected() == [1])
    }

    @Test("a handshake that takes too long is ended, in either phase")
    func slowHandshake() {
        var silent = session { $0.handshakeTimeoutNanoseconds = 50 }
        #expect(silent.tick(nowNanoseconds: 49).text == "nothing")
        #expect(silent.tick(nowNanoseconds: 50).text == "reject handshakeTimeout")
        var greeted = session { $0.handshakeTimeoutNanoseconds = 50 }
        _ = greeted.receive(.challenge(challenge), nowNanoseconds: 40)
        #expect(greeted.tick(nowNanoseconds: 50).text == "reject handshakeTimeout")
    }

    // MARK: - Deliveries

    @Test("what one call sends leaves in one buffer")
    func oneWrite() throws {
        var session = open()
        let outcome = session.send(outgoing(delivery(1), delivery(2), delivery(3)))
        #expect(outcome.frames.count == 1)
        #expect(try ids(outcome) == [1, 2, 3])
        #expect(session.outstandingCount == 3)
    }

    @Test("without credit deliveries wait in order, and go as receipts come")
    func waiting() throws {
        var session = open(credit: LinkCredit(bytes: 10_000, deliveries: 2, frameBytes: 5000))
        #expect(try ids(session.send(outgoing(delivery(1), delivery(2), delivery(3)))) == [1, 2])
        #expect(try ids(session.send(outgoing(delivery(4)))) == [])
        for (answered, released) in [(1, [3]), (2, [4]), (3, [])] as [(UInt64, [UInt64])] {
            #expect(
                session.receive(.receipt(Receipt(deliveryID: answered)), nowNanoseconds: 0).text
                    == "receipt \(answered)"
            )
            #expect(try ids(session.settle()) == released)
        }
    }

    @Test("a delivery that is longer than the whole credit goes when nothing else waits")
    func longDelivery() throws {
        var session = open(credit: LinkCredit(bytes: 100, deliveries: 10, frameBytes: 5000))
        #expect(try ids(session.send(outgoing(delivery(1, bytes: 10), delivery(2, bytes: 3000)))) == [1])
        _ = session.receive(.receipt(Receipt(deliveryID: 1)), nowNanoseconds: 0)
        #expect(try ids(session.settle()) == [2])
    }

    @Test("a delivery beyond a frame is refused, those around it go")
    func tooLarge() throws {
        var session = open(credit: LinkCredit(bytes: 10_000, deliveries: 10, frameBytes: 300))
        let deliveries = [delivery(1), delivery(2, bytes: 1000), delivery(3), delivery(4, bytes: 100_000), delivery(5)]
        let outcome = session.send(OutgoingDeliveries(deliveries, maximumFrameBytes: 50_000))
        #expect(try ids(outcome) == [1, 3, 5])
        #expect(outcome.refused == [2, 4].map { .refused($0, .tooLarge) })
    }

    @Test("what would wait beyond the limit is refused at once")
    func overflow() throws {
        var session = open(credit: LinkCredit(bytes: 10_000, deliveries: 1, frameBytes: 5000)) {
            $0.maximumWaitingBytes = 200
        }
        #expect(try ids(session.send(outgoing(delivery(1)))) == [1])
        #expect(session.send(outgoing(delivery(2), delivery(3))).refused.isEmpty)
        #expect(session.send(outgoing(delivery(4, bytes: 150))).refused == [.refused(4, .noCredit)])
        #expect(session.disconnected() == [1, 2, 3])
        #expect(session.disconnected().isEmpty)
    }

    @Test("a number that waits for its receipt isn't sent twice")
    func duplicate() throws {
        var session = open()
        _ = session.send(outgoing(delivery(1)))
        let outcome = session.send(outgoing(delivery(1), delivery(2)))
        #expect(outcome.refused == [.refused(1, .duplicate)])
        #expect(try ids(outcome) == [2])
    }

    // MARK: - Ends

    @Test("a draining gateway gets no more, and the link ends with its last receipt")
    func drain() throws {
        var session = open(credit: LinkCredit(bytes: 10_000, deliveries: 1, frameBytes: 5000))
        _ = session.send(outgoing(delivery(1), delivery(2)))
        _ = session.receive(.drain, nowNanoseconds: 0)
        #expect(session.settle().refused == [.refused(2, .draining)])
        #expect(session.send(outgoing(delivery(3))).refused == [.refused(3, .draining)])
        #expect(session.finished() == nil)
        _ = session.receive(.receipt(Receipt(deliveryID: 1)), nowNanoseconds: 0)
        #expect(session.finished()?.code == .draining)
        #expect(session.finished() == nil)
        #expect(session.disconnected().isEmpty)
    }

    @Test("closing waits for the receipts that are due, but not for ever")
    func close() {
        var session = open { $0.closeTimeoutNanoseconds = 100 }
        _ = session.send(outgoing(delivery(1)))
        #expect(session.close(nowNanoseconds: 50).text == "nothing")
        #expect(session.finished() == nil)
        #expect(session.tick(nowNanoseconds: 149).text == "nothing")
        var patient = session
        #expect(session.tick(nowNanoseconds: 150).text == "close closed")
        #expect(session.disconnected() == [1])
        _ = patient.receive(.receipt(Receipt(deliveryID: 1)), nowNanoseconds: 100)
        #expect(patient.finished()?.code == .closed)
        var early = self.session()
        #expect(early.close(nowNanoseconds: 0).text == "close closed")
    }

    @Test("pings go out at their interval, and a gateway that doesn't answer is given up")
    func silence() {
        var session = open {
            $0.pingIntervalNanoseconds = 50
            $0.silenceNanoseconds = 150
        }
        #expect(session.tick(nowNanoseconds: 49).text == "nothing")
        #expect(session.tick(nowNanoseconds: 50).text == "write ping")
        #expect(session.receive(.pong, nowNanoseconds: 60).text == "nothing")
        #expect(session.tick(nowNanoseconds: 99).text == "nothing")
        #expect(session.tick(nowNanoseconds: 100).text == "write ping")
        #expect(session.tick(nowNanoseconds: 209).text == "write ping")
        #expect(session.tick(nowNanoseconds: 210).text == "close silentPeer")
    }
}
