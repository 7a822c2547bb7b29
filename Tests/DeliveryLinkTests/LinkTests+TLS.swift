import Logging
import NIOCore
import NIOPosix
import SluiceCore
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import DeliveryLink

/// Links over TLS, over real sockets.
extension LinkTests {
    private func server(
        _ files: (certificate: String, key: String),
        onRefusal: @escaping @Sendable (LinkErrorCode) -> Void = { _ in }
    ) throws -> LinkServer {
        LinkServer(
            address: .tls(host: "localhost", port: 0),
            secret: secret("s"),
            tls: try LinkTLS(certificate: files.certificate, key: files.key),
            group: group,
            gatewayID: gateway,
            receiver: TestReceiver(),
            limits: limits,
            logger: quiet,
            onRefusal: onRefusal
        )
    }

    private func client(
        _ address: LinkAddress,
        believing authorities: String?,
        secret: String = "s",
        _ events: LinkRecorder,
        _ logger: Logger? = nil
    ) throws -> LinkClient {
        let client = LinkClient(
            gateway: gateway,
            address: address,
            secret: DeliveryLinkTests.secret(secret),
            tls: try authorities.map { try LinkTLS(authorities: $0) },
            group: group,
            events: events,
            limits: limits,
            logger: logger ?? quiet
        )
        try client.start()
        return client
    }

    @Test("a publisher that believes the gateway's authority delivers over TLS, by name and by address")
    func believed() async throws {
        let scratch = ScratchDirectory()
        let authority = try TestAuthority(in: scratch.path, called: "authority")
        let files = try authority.issue(
            "gateway",
            for: [.dnsName("localhost"), .ipAddress(.init(contentBytes: [127, 0, 0, 1]))]
        )
        let server = try server(files)
        let address = try await server.start()
        let port = try #require(address.port)
        for host in ["localhost", "127.0.0.1"] {
            let recorder = LinkRecorder()
            let client = try client(.tls(host: host, port: port), believing: authority.file, recorder)
            var events = recorder.events.makeAsyncIterator()
            #expect(await events.connected() != nil)
            client.send((1...50).map { delivery($0, records: 20) })
            #expect(await events.receipts(50).allSatisfy(\.isTaken))
            client.close()
            #expect(await events.disconnected()?.error.code == .closed)
        }
        await server.close()
    }

    @Test("a certificate of another authority, or for another host, is refused with a warning and tried again")
    func refused() async throws {
        let scratch = ScratchDirectory()
        let authority = try TestAuthority(in: scratch.path, called: "authority")
        let other = try TestAuthority(in: scratch.path, called: "other")
        let files = try authority.issue("gateway", for: [.dnsName("localhost")])
        let server = try server(files)
        let port = try #require(try await server.start().port)
        for (host, file) in [("localhost", other.file), ("localhost", nil), ("127.0.0.1", authority.file)] {
            let log = LogCapture()
            let client = try client(.tls(host: host, port: port), believing: file, LinkRecorder(), log.logger)
            var lines = log.lines.makeAsyncIterator()
            #expect(await lines.line(with: "warning waiting for gateway", "tlsFailed", "--link-ca") != nil)
            client.close()
        }
        #expect(server.linkCount == 0)
        // A file that is replaced counts from the next attempt on.
        let recorder = LinkRecorder()
        let late = try client(.tls(host: "localhost", port: port), believing: other.file, recorder)
        try TestAuthority.replace(other.file, with: authority.file)
        var events = recorder.events.makeAsyncIterator()
        #expect(await events.connected() != nil)
        late.close()
        await server.close()
    }

    @Test("the secret is asked for inside TLS, and ends that don't speak it are refused at either side")
    func mixed() async throws {
        let scratch = ScratchDirectory()
        let authority = try TestAuthority(in: scratch.path, called: "authority")
        let files = try authority.issue("gateway", for: [.dnsName("localhost")])
        let (codes, refusals) = AsyncStream.makeStream(of: LinkErrorCode.self)
        let server = try server(files) { refusals.yield($0) }
        let port = try #require(try await server.start().port)
        var code = codes.makeAsyncIterator()
        let plain = try client(.tcp(host: "localhost", port: port), believing: nil, LinkRecorder())
        #expect(await code.next() == .tlsFailed)
        plain.close()
        let log = LogCapture()
        let stranger = try client(
            .tls(host: "localhost", port: port),
            believing: authority.file,
            secret: "other",
            LinkRecorder(),
            log.logger
        )
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "warning waiting for gateway", "wrongSecret") != nil)
        stranger.close()
        await server.close()

        let unencrypted = self.server(.tcp(host: "127.0.0.1", port: 0), secret: "s")
        let unencryptedPort = try #require(try await unencrypted.start().port)
        let wrong = LogCapture()
        let secure = try client(
            .tls(host: "localhost", port: unencryptedPort),
            believing: authority.file,
            LinkRecorder(),
            wrong.logger
        )
        var wrongLines = wrong.lines.makeAsyncIterator()
        #expect(await wrongLines.line(with: "waiting for gateway") != nil)
        #expect(unencrypted.linkCount == 0)
        secure.close()
        await unencrypted.close()
    }

    @Test("what a link over TLS lacks is said at its start")
    func incomplete() async throws {
        let server = server(.tls(host: "localhost", port: 0), secret: "s")
        await #expect { _ = try await server.start() } throws: { ($0 as? LinkError)?.code == .certificateRequired }
        #expect { _ = try self.client(.tls(host: "localhost", port: 1), events: LinkRecorder()) } throws: {
            ($0 as? LinkError)?.code == .secretRequired
        }
        #expect { _ = try LinkTLS(certificate: "/nowhere.pem", key: "/nowhere.key") } throws: {
            ($0 as? LinkError)?.code == .invalidTLSFiles
        }
        #expect { _ = try LinkTLS(authorities: "/nowhere.pem") } throws: {
            ($0 as? LinkError)?.code == .invalidTLSFiles
        }
    }
}
