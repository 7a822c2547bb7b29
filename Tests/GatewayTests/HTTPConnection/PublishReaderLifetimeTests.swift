import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

/// Authorization, deadlines, back-pressure and the end of connections whose publishes come past the decoder.
@Suite("PublishReader lifetime")
struct PublishReaderLifetimeTests {
    private static let publish = PublishHarness.publish("a")

    /// A connection that has become HTTP by a first publish.
    private func begun(_ limits: HTTPLimits = HTTPLimits()) throws -> ReaderHarness {
        let harness = try ReaderHarness(reads: true, limits: limits)
        harness.send(Self.publish)
        harness.answer()
        #expect(harness.statuses == [202])
        return harness
    }

    @Test("half a head at the end of input is the decoder's to refuse")
    func halfClosed() throws {
        let harness = try begun()
        harness.send(Self.publish + "POST /topics/a HTTP/1.1\r\nhost:")
        #expect(harness.decodedBytes == Self.publish.utf8.count)
        harness.closeInput()
        #expect(harness.decodedBytes == Self.publish.utf8.count + 30)
        harness.answer()
        #expect(harness.statuses == [202, 202, 400])
        #expect(!harness.isOpen)
    }

    @Test("a client that closes its side still gets its answers")
    func halfClosedBetween() throws {
        let harness = try begun()
        harness.send(Self.publish + Self.publish)
        harness.closeInput()
        #expect(harness.isOpen)
        harness.answer()
        #expect(harness.statuses == [202, 202, 202])
        #expect(harness.output.ranges(of: "connection: close").count == 1)
        #expect(!harness.isOpen)
    }

    @Test("a drain waits for publishes in flight and says that the connection ends")
    func drain() throws {
        let harness = try begun()
        harness.send(Self.publish + Self.publish)
        harness.drain()
        #expect(harness.isOpen)
        harness.send(Self.publish)
        harness.answer()
        #expect(harness.statuses == [202, 202, 202, 202])
        #expect(harness.output.ranges(of: "connection: close").count == 1)
        #expect(!harness.isOpen)
    }

    @Test("nothing behind a request that ends the connection is taken")
    func closes() throws {
        let harness = try begun()
        harness.send(
            Self.publish + PublishHarness.publish("b", fields: "connection: close\r\n")
                + PublishHarness.publish("never")
        )
        harness.send(PublishHarness.publish("never"))
        harness.answer()
        #expect(harness.statuses == [202, 202, 202])
        #expect(harness.records.map { $0.prefix(1) } == ["a", "a", "b"])
        #expect(!harness.isOpen)
    }

    @Test("answers keep the order of plain, other and routed requests")
    func order() throws {
        let harness = try begun()
        harness.send(
            PublishHarness.publish("b", body: "{") + Self.publish + PublishHarness.publish("%62")
                + Self.publish + PublishHarness.get("/x") + Self.publish
        )
        #expect(harness.statuses == [202, 400])
        harness.answer()
        #expect(harness.statuses == [202, 400, 202, 202, 202])
        harness.answer()
        #expect(harness.statuses == [202, 400, 202, 202, 202, 200])
        harness.answer()
        #expect(harness.statuses == [202, 400, 202, 202, 202, 200, 202])
        #expect(harness.records.map { $0.prefix(1) } == ["a", "a", "b", "a", "a"])
    }

    @Test("the publishes of one turn go to the log together and are answered in one piece")
    func together() throws {
        let harness = try begun()
        harness.send(String(repeating: Self.publish, count: 5))
        #expect(harness.log.submissions == [1, 5])
        let before = harness.pieces
        harness.answer()
        #expect(harness.statuses.count == 6)
        #expect(harness.pieces == before + 1)
    }

    @Test("a first head that comes in pieces is in time or answered with 408")
    func firstHead() throws {
        let harness = try ReaderHarness(reads: true)
        for byte in Self.publish.utf8.prefix(9) {
            harness.send(String(decoding: [byte], as: UTF8.self))
            harness.advance(by: .seconds(1))
        }
        #expect(harness.output.isEmpty)
        harness.advance(by: .seconds(1))
        #expect(harness.statuses == [408])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }

    @Test(
        "a head has its time on every request of a connection, from its first byte",
        arguments: ["P", "POST /topics/a HTTP/1.1\r\nhost: a\r", "GET /x HTTP/1.1\r\n", "\r\n\r\n"]
    )
    func laterHead(head: String) throws {
        for reads in [true, false] {
            let harness = try ReaderHarness(reads: reads)
            harness.send(Self.publish)
            harness.answer()
            harness.advance(by: .seconds(40))
            for byte in head.utf8.prefix(8) {
                harness.send(String(decoding: [byte], as: UTF8.self))
                harness.advance(by: .seconds(1))
            }
            harness.advance(by: .seconds(9 - Int64(min(8, head.utf8.count))))
            #expect(harness.statuses == [202])
            harness.advance(by: .seconds(1))
            #expect(harness.statuses == [202, 408])
            harness.advance(by: .seconds(3))
            #expect(!harness.isOpen)
        }
    }

    @Test(
        "half a head behind a complete request has its time from when it is seen",
        arguments: [PublishHarness.get("/x"), publish, PublishHarness.publish("%61")]
    )
    func pipelinedHead(first: String) throws {
        for reads in [true, false] {
            let harness = try ReaderHarness(reads: reads)
            harness.send(Self.publish)
            harness.answer()
            harness.send(first + "GET /late HTTP/1.1\r\nhost")
            harness.answer()
            harness.advance(by: .seconds(9))
            #expect(harness.statuses.count == 2)
            harness.advance(by: .seconds(1))
            #expect(harness.statuses.last == 408)
            #expect(harness.statuses.count == 3)
        }
    }

    @Test(
        "an empty line behind a request, which old clients send, is no head",
        arguments: ["\r\n", "\n", "P", "POST "]
    )
    func emptyLine(rest: String) throws {
        for first in [Self.publish, PublishHarness.publish("%61"), PublishHarness.get("/x")] {
            for reads in [true, false] {
                let harness = try ReaderHarness(reads: reads)
                harness.send(Self.publish)
                harness.answer()
                harness.send(first + rest)
                harness.answer()
                harness.advance(by: .seconds(74))
                #expect(harness.isOpen)
                harness.advance(by: .seconds(1))
                #expect(!harness.isOpen)
                #expect(harness.statuses.count == 2)
            }
        }
    }

    @Test("a silent connection is closed without a word")
    func silence() throws {
        let harness = try begun()
        harness.advance(by: .seconds(74))
        #expect(harness.isOpen)
        harness.advance(by: .seconds(1))
        #expect(harness.statuses == [202])
        #expect(!harness.isOpen)
    }

    @Test("a body that doesn't come is answered with 408")
    func slowBody() throws {
        let harness = try begun()
        harness.send(String(Self.publish.dropLast()))
        harness.advance(by: .seconds(61))
        #expect(harness.statuses == [202, 408])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }

    @Test("stops reading where too many publishes wait for their answers")
    func backPressure() throws {
        var limits = HTTPLimits()
        limits.pipelinedRequests = 3
        let harness = try begun(limits)
        let reads = ReadCounter()
        try harness.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        harness.send(Self.publish + Self.publish)
        harness.channel.read()
        #expect(reads.count == 1)
        harness.send(Self.publish)
        harness.channel.read()
        #expect(reads.count == 1)
        harness.answer()
        #expect(reads.count == 2)
    }

    // MARK: - Authorization

    @Test("publishes with credentials that the authorizer has granted are short")
    func grants() throws {
        let grant = Grant(publish: [try TopicPattern("open/#")])
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: ["Authorization": "Bearer x"])
        let key = GrantKey(.token, head)
        let harness = try ReaderHarness(reads: true, authorizer: FixedAuthorizer(grant), grants: [(key, grant)])
        let fields = "authorization: Bearer x\r\n"
        let publish = PublishHarness.publish("open/a", fields: fields)
        harness.send(publish + publish)
        harness.answer()
        #expect(harness.statuses == [202, 202])
        #expect(harness.decodedBytes == publish.utf8.count)
        // What isn't granted is the long way's to refuse.
        let shut = PublishHarness.publish("shut", fields: fields)
        harness.send(publish + shut + publish)
        harness.answer()
        #expect(harness.statuses == [202, 202, 202, 403, 202])
        #expect(harness.decodedBytes == publish.utf8.count + shut.utf8.count)
    }
}

/// Counts the reads that reach the socket.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
