import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import DeliveryLink

/// Both ends against each other, without sockets, with bytes that come in random pieces.
@Suite struct LinkSessionPairTests {
    /// Both ends and the bytes that are on their way between them.
    private struct Link {
        var client: LinkClientSession
        var server: LinkServerSession
        var clientDecoder = LinkFrameDecoder()
        var serverDecoder = LinkFrameDecoder()
        var toServer = ByteBuffer()
        var toClient = ByteBuffer()
        /// Deliveries that the gateway has and hasn't answered.
        var held: [UInt64] = []
        var failures: [LinkError] = []

        init(credit: LinkCredit, secret: String?) {
            var limits = LinkLimits()
            limits.maximumUnacknowledgedBytes = credit.bytes
            limits.maximumUnacknowledgedDeliveries = credit.deliveries
            limits.maximumFrameBytes = credit.frameBytes
            limits.maximumWaitingBytes = 3000
            let gateway = GatewayID("g")
            client = LinkClientSession(
                limits: limits,
                gateway: gateway,
                secret: DeliveryLinkTests.secret(secret),
                nonce: nonce,
                nowNanoseconds: 0
            )
            server = LinkServerSession(
                limits: limits,
                gateway: gateway,
                secret: DeliveryLinkTests.secret(secret),
                nonce: otherNonce,
                nowNanoseconds: 0
            )
            serverDecoder.maximumFrameBytes = credit.frameBytes
            clientDecoder.maximumFrameBytes = 1 << 20
            LinkFrameEncoder.encode(client.start(), into: &toServer)
        }

        /// Moves up to `length` bytes to the gateway.
        mutating func moveToServer(_ length: Int) throws {
            serverDecoder.append(toServer.readSlice(length: min(length, toServer.readableBytes)) ?? ByteBuffer())
            while let frame = try serverDecoder.next() {
                var action = server.receive(frame, byteCount: serverDecoder.frameBytes, nowNanoseconds: 0)
                if case .seek = action { action = server.admit(unless: nil) }
                switch action {
                case .nothing, .seek: break
                case .write(let frame): LinkFrameEncoder.encode(frame, into: &toClient)
                case .open(let welcome): LinkFrameEncoder.encode(.welcome(welcome), into: &toClient)
                case .deliver(let delivery): held.append(delivery.id)
                case .reject(let error), .close(let error): failures.append(error)
                }
            }
        }

        /// Moves up to `length` bytes to the publisher.
        /// - Returns: the receipts that came out.
        mutating func moveToClient(_ length: Int) throws -> [Receipt] {
            var receipts: [Receipt] = []
            clientDecoder.append(toClient.readSlice(length: min(length, toClient.readableBytes)) ?? ByteBuffer())
            while let frame = try clientDecoder.next() {
                switch client.receive(frame, nowNanoseconds: 0) {
                case .nothing, .open: break
                case .write(let frame): LinkFrameEncoder.encode(frame, into: &toServer)
                case .receipt(let receipt): receipts.append(receipt)
                case .reject(let error), .close(let error): failures.append(error)
                }
            }
            return receipts + apply(client.settle())
        }

        mutating func send(_ deliveries: [Delivery]) -> [Receipt] {
            apply(client.send(OutgoingDeliveries(deliveries, maximumFrameBytes: 2000)))
        }

        private mutating func apply(_ outcome: LinkClientSession.Outcome) -> [Receipt] {
            for frames in outcome.frames { toServer.writeImmutableBuffer(frames) }
            return outcome.refused
        }

        mutating func answer(_ count: Int) {
            let receipts = held.prefix(count).map { Receipt(deliveryID: $0) }
            held.removeFirst(receipts.count)
            for receipt in server.reply(receipts) { LinkFrameEncoder.encode(receipt, into: &toClient) }
        }
    }

    @Test("whatever happens, every delivery is answered exactly once and the credit is never exceeded")
    func answeredOnce() throws {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<300 {
            let credit = LinkCredit(
                bytes: Int.random(in: 1...3000, using: &generator),
                deliveries: Int.random(in: 1...8, using: &generator),
                frameBytes: 1500
            )
            var link = Link(credit: credit, secret: Bool.random(using: &generator) ? "s" : nil)
            var sent: [UInt64] = []
            var answered: [UInt64] = []
            for _ in 0..<Int.random(in: 0...200, using: &generator) {
                switch UInt8.random(in: 0...4, using: &generator) {
                case 0:
                    let deliveries = (0..<UInt64.random(in: 1...5, using: &generator)).map { offset in
                        delivery(UInt64(sent.count) + offset + 1, bytes: Int.random(in: 0...2100, using: &generator))
                    }
                    sent += deliveries.map(\.id)
                    answered += link.send(deliveries).map(\.deliveryID)
                case 1, 2: try link.moveToServer(Int.random(in: 1...3000, using: &generator))
                case 3: answered += try link.moveToClient(Int.random(in: 1...300, using: &generator)).map(\.deliveryID)
                default: link.answer(Int.random(in: 1...4, using: &generator))
                }
            }
            answered += link.client.disconnected()
            #expect(link.failures.isEmpty)
            #expect(answered.sorted() == sent)
        }
    }

    @Test("everything sent gets through in its order when both ends keep going")
    func flows() throws {
        var link = Link(credit: LinkCredit(bytes: 500, deliveries: 3, frameBytes: 1500), secret: "s")
        try link.moveToServer(.max)
        _ = try link.moveToClient(.max)
        try link.moveToServer(.max)
        _ = try link.moveToClient(.max)
        #expect(link.client.isOpen && link.server.isOpen)
        var answered = link.send((1...20).map { delivery($0, bytes: 80) })
        for _ in 0..<20 {
            try link.moveToServer(.max)
            link.answer(.max)
            answered += try link.moveToClient(.max)
        }
        #expect(answered.map(\.deliveryID) == Array(1...20) && answered.allSatisfy(\.isTaken))
    }
}
