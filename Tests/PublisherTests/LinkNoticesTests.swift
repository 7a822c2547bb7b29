import DeliveryLink
import NIOCore
import NIOPosix
import SluiceCore
import Testing

@testable import Publisher

@Suite("Link notices")
struct LinkNoticesTests {
    @Test("what the links say is kept in order until it is taken, and each notice asks for a look")
    func order() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (looks, said) = try await eventLoop.submit {
            let gateway = GatewayID("a")
            let notices = LinkNotices()
            var looks = 0
            notices.onNotice = { looks += 1 }
            let events = notices.events(on: eventLoop)
            events.connected(gateway, credit: LinkCredit(bytes: 1, deliveries: 1, frameBytes: 1))
            events.disconnected(gateway, unacknowledged: [1, 2], error: LinkError(.closed, ""))
            let said = notices.removeAll().map { notice in
                switch notice {
                case .connected(let gateway): "connected \(gateway)"
                case .receipts(let gateway, let receipts): "receipts \(gateway) \(receipts.count)"
                case .disconnected(let gateway, let ids): "disconnected \(gateway) \(ids)"
                }
            }
            return (looks, said + (notices.removeAll().isEmpty ? ["nothing"] : []))
        }.get()
        #expect(looks == 2)
        #expect(said == ["connected a", "disconnected a [1, 2]", "nothing"])
    }
}
