import Foundation
import Logging
import NIOCore
import NIOPosix
import SluiceCore
import Testing

@testable import DeliveryLink

/// Both ends over real sockets.
@Suite(.timeLimit(.minutes(1))) struct LinkTests {
    let group = MultiThreadedEventLoopGroup.singleton
    let gateway = GatewayID("gateway-1")
    let quiet = Logger(label: "link") { _ in SwiftLogNoOpLogHandler() }
    let path = "/tmp/sluice-link-\(UInt64.random(in: .min ... .max)).sock"

    var unix: LinkAddress { .unix(path: path) }

    /// Reconnects fast and looks at the time-outs often.
    var limits: LinkLimits {
        var limits = LinkLimits()
        limits.reconnectMinimumNanoseconds = 1_000_000
        limits.reconnectMaximumNanoseconds = 10_000_000
        limits.tickNanoseconds = 10_000_000
        return limits
    }

    func server(
        _ address: LinkAddress,
        secret: String? = nil,
        receiver: any DeliveryReceiver = TestReceiver(),
        limits: LinkLimits? = nil,
        logger: Logger? = nil
    ) -> LinkServer {
        LinkServer(
            address: address,
            secret: DeliveryLinkTests.secret(secret),
            group: group,
            gatewayID: gateway,
            receiver: receiver,
            limits: limits ?? self.limits,
            logger: logger ?? quiet
        )
    }

    func client(
        _ address: LinkAddress,
        secret: String? = nil,
        gateway: GatewayID? = nil,
        events: LinkRecorder,
        limits: LinkLimits? = nil,
        logger: Logger? = nil
    ) throws -> LinkClient {
        let client = LinkClient(
            gateway: gateway ?? self.gateway,
            address: address,
            secret: DeliveryLinkTests.secret(secret),
            group: group,
            events: events,
            limits: limits ?? self.limits,
            logger: logger ?? quiet
        )
        try client.start()
        return client
    }

    // MARK: - Both ends

    @Test("deliveries and receipts cross a Unix socket, those of one call together")
    func unixSocket() async throws {
        let receiver = TestReceiver()
        let server = server(unix, receiver: receiver)
        #expect(try await server.start() == unix)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder)
        var events = recorder.events.makeAsyncIterator()
        #expect(await events.connected()?.deliveries == limits.maximumUnacknowledgedDeliveries)
        client.send((1...5).map { delivery($0, records: 2) })
        let receipts = await events.receipts(5)
        #expect(receipts.map(\.deliveryID) == [1, 2, 3, 4, 5] && receipts.allSatisfy { $0.isTaken && $0.sockets == 2 })
        var calls = receiver.deliveries.makeAsyncIterator()
        let first = try #require(await calls.next())
        #expect(first.count == 5 && first.allSatisfy { $0.takenAtNanoseconds > 0 })
        client.close()
        #expect(await events.disconnected()?.error.code == .closed)
        await server.close()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("on the link's own event loop a delivery is handed over, or answered, before the call returns")
    func sendsAtOnce() async throws {
        let recorder = LinkRecorder()
        let eventLoop = group.next()
        let client = LinkClient(
            gateway: gateway,
            address: unix,
            secret: nil,
            group: eventLoop,
            events: recorder,
            limits: limits,
            logger: quiet
        )
        try await eventLoop.submit {
            client.send([delivery(7, records: 1)])
            recorder.connected(self.gateway, credit: LinkCredit(bytes: 0, deliveries: 0, frameBytes: 0))
        }.get()
        var events = recorder.events.makeAsyncIterator()
        guard case .receipts(let receipts) = await events.next() else {
            Issue.record("the answer came after the call")
            return
        }
        #expect(receipts.map(\.deliveryID) == [7] && receipts.allSatisfy { !$0.isTaken })
    }

    @Test("large deliveries beyond the credit cross TCP with a secret")
    func tcpSocket() async throws {
        var small = limits
        small.maximumUnacknowledgedBytes = 300_000
        let receiver = TestReceiver { delivery in
            let isWhole = delivery.records.allSatisfy {
                bytes(of: $0).allSatisfy { $0 == UInt8(truncatingIfNeeded: delivery.id) }
            }
            return Receipt(deliveryID: delivery.id, status: isWhole ? .ok : .failed(.corruptRecord))
        }
        let server = server(.tcp(host: "127.0.0.1", port: 0), secret: "secret", receiver: receiver, limits: small)
        let address = try await server.start()
        let recorder = LinkRecorder()
        let client = try client(address, secret: "secret", events: recorder, limits: small)
        var events = recorder.events.makeAsyncIterator()
        _ = await events.connected()
        client.send((1...20).map { delivery($0, bytes: 1_000_000) })
        let receipts = await events.receipts(20)
        #expect(receipts.map(\.deliveryID) == Array(1...20) && receipts.allSatisfy(\.isTaken))
        client.close()
        await server.close()
    }

    @Test("a publisher comes back after its gateway was restarted, and learns what has no receipt")
    func restart() async throws {
        let silent = TestReceiver { _ in nil }
        let first = server(unix, receiver: silent)
        _ = try await first.start()
        let log = LogCapture()
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder, logger: log.logger)
        var events = recorder.events.makeAsyncIterator()
        var lines = log.lines.makeAsyncIterator()
        _ = await events.connected()
        client.send([delivery(1), delivery(2)])
        var calls = silent.deliveries.makeAsyncIterator()
        _ = await calls.next()
        await first.close()
        #expect(try #require(await events.disconnected()).unacknowledged == [1, 2])
        #expect(await lines.line(with: "waiting for gateway gateway-1 at unix:\(path)") != nil)
        let second = server(unix)
        _ = try await second.start()
        _ = await events.connected()
        client.send([delivery(1), delivery(2)])
        #expect(await events.receipts(2).map(\.deliveryID) == [1, 2])
        client.close()
        await second.close()
    }

    @Test("what is sent without a connection is answered by the link itself")
    func notConnected() async throws {
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder)
        var events = recorder.events.makeAsyncIterator()
        client.send([delivery(1), delivery(2)])
        #expect(await events.receipts(2) == [.refused(1, .notConnected), .refused(2, .notConnected)])
        client.close()
    }

    @Test("a draining gateway answers what it has, and the publisher waits for it to come back")
    func drain() async throws {
        let server = server(unix)
        _ = try await server.start()
        let log = LogCapture()
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder, logger: log.logger)
        var events = recorder.events.makeAsyncIterator()
        _ = await events.connected()
        client.send([delivery(1)])
        #expect(await events.receipts(1).map(\.isTaken) == [true])
        server.drain()
        let end = try #require(await events.disconnected())
        #expect(end.error.code == .draining && end.unacknowledged.isEmpty)
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "waiting for gateway", "draining") != nil)
        client.close()
        await server.close()
    }

    // MARK: - The socket's file

    @Test("a stale socket file is replaced, a living one and another file are not")
    func socketFile() async throws {
        // Moved away from where it was bound: closing it leaves the file, as a killed process does.
        let stale = try await ServerBootstrap(group: group).bind(unixDomainSocketPath: path + ".bound").get()
        try FileManager.default.moveItem(atPath: path + ".bound", toPath: path)
        try await stale.close()
        #expect(FileManager.default.fileExists(atPath: path))
        let server = server(unix)
        _ = try await server.start()
        await #expect { _ = try await self.server(unix).start() } throws: { ($0 as? LinkError)?.code == .addressInUse }
        await server.close()
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        await #expect { _ = try await self.server(unix).start() } throws: { ($0 as? LinkError)?.code == .cannotBind }
        try FileManager.default.removeItem(atPath: path)
        let nowhere = LinkAddress.unix(path: "/tmp/\(UInt64.random(in: .min ... .max))/link.sock")
        await #expect { _ = try await self.server(nowhere).start() } throws: { ($0 as? LinkError)?.code == .cannotBind }
    }
}
