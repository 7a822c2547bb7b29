import ChangeQueue
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("HTTPConnectionHandler")
struct HTTPConnectionHandlerTests {
    @Test("a publish is answered after its commit, not before")
    func commitFirst() throws {
        let harness = try PublishHarness()
        try harness.publish("orders/42")
        #expect(harness.output.isEmpty)
        harness.commit()
        #expect(harness.output.hasPrefix("HTTP/1.1 202 Accepted\r\n"))
        #expect(harness.output.hasSuffix("\r\n\r\n" + #"{"sequence":1,"recordId":"5f2a91c0-1"}"#))
        #expect(harness.output.contains("content-length: 38\r\n"))
        #expect(harness.isOpen)
    }

    @Test("topic, payload and content type reach the log as they were sent")
    func draft() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.publish("a%20b/c?x=1", fields: "content-type: text/plain\r\n", body: "hällo"))
        let draft = try #require(harness.log.drafts.first)
        #expect(draft.topic.name == "a b/c")
        #expect(draft.contentType.value == "text/plain")
        #expect(draft.payload == Array("hällo".utf8))
        #expect(draft.acceptedAtNanoseconds == harness.clock.now)
    }

    @Test("the publishes of one turn go to the log together and are flushed together")
    func oneTurn() throws {
        let harness = try PublishHarness()
        try harness.send((0..<5).map { PublishHarness.publish("t\($0)") }.joined())
        #expect(harness.log.submissions == [5])
        let before = harness.flushes.count
        harness.commit()
        #expect(harness.statuses == [202, 202, 202, 202, 202])
        #expect(harness.flushes.count == before + 1)
    }

    @Test("answers keep the requests' order whichever is ready first")
    func order() throws {
        let harness = try PublishHarness()
        try harness.send(
            PublishHarness.publish("a") + PublishHarness.publish("b", body: "{") + PublishHarness.publish("c")
        )
        // The second is refused at once, and waits for the first all the same.
        #expect(harness.output.isEmpty)
        harness.commit(reversed: true)
        #expect(harness.statuses == [202, 400, 202])
        // The first request to arrive got sequence 1, and its answer stands first.
        #expect(harness.output.ranges(of: "5f2a91c0-").map { harness.output[$0.upperBound] } == ["1", "2"])
    }

    @Test("a routed request waits for the publishes before it, and a publish for the routed ones")
    func bothKinds() throws {
        let harness = try PublishHarness()
        try harness.send(
            PublishHarness.publish("a") + PublishHarness.get("/one") + PublishHarness.get("/two")
                + PublishHarness.publish("b")
        )
        #expect(harness.router.paths.isEmpty)
        harness.commit()
        #expect(harness.router.paths == ["/one"])
        #expect(harness.log.drafts.isEmpty)
        harness.route("1")
        #expect(harness.router.paths == ["/one", "/two"])
        #expect(harness.log.drafts.isEmpty)
        harness.route("2")
        #expect(harness.log.drafts.map(\.topic.name) == ["b"])
        harness.commit()
        #expect(harness.statuses == [202, 200, 200, 202])
    }

    @Test("everything but POST to the publish routes is passed on whole")
    func passedOn() throws {
        let harness = try PublishHarness()
        try harness.send("PUT /tables/t/items/k HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
        #expect(harness.router.paths == ["/tables/t/items/k"])
        #expect(harness.router.body == "{}")
        #expect(harness.router.ends == 1)
        for path in ["/topics/a", "/topicsx", "/topics/a/records"] {
            let harness = try PublishHarness()
            try harness.send(PublishHarness.get(path))
            #expect(harness.router.paths == [path])
        }
        let posted = try PublishHarness()
        try posted.send("POST /topicsx HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        #expect(posted.router.paths == ["/topicsx"])
    }

    @Test(
        "bad input is answered with its code and the connection goes on",
        arguments: [
            (PublishHarness.publish(""), 400, "InvalidTopic"),
            (PublishHarness.publish("a%00"), 400, "InvalidTopic"),
            (PublishHarness.publish("a%FF"), 400, "InvalidTopic"),
            (PublishHarness.publish("a%4"), 400, "InvalidTopic"),
            (PublishHarness.publish("a+b"), 400, "InvalidTopic"),
            (PublishHarness.publish(String(repeating: "x", count: 401)), 400, "InvalidTopic"),
            (PublishHarness.publish("a", body: "{\"x\":"), 400, "InvalidJSON"),
            (PublishHarness.publish("a", body: ""), 400, "InvalidJSON"),
            (
                PublishHarness.publish("a", fields: "content-type: \(String(repeating: "x", count: 256))\r\n"), 400,
                "InvalidRequest"
            ),
            ("POST /topics HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}", 400, "InvalidRequest"),
            ("POST /topics HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n{", 400, "InvalidJSON"),
        ]
    )
    func badInput(request: String, status: Int, code: String) throws {
        let harness = try PublishHarness()
        try harness.send(request)
        #expect(harness.statuses == [status])
        #expect(harness.codes == [code])
        #expect(harness.isOpen)
        #expect(harness.log.drafts.isEmpty)
        try harness.publish("good")
        harness.commit()
        #expect(harness.statuses == [status, 202])
    }

    @Test("an announced body over the limit is refused before it is read")
    func announcedTooLarge() throws {
        var limits = HTTPLimits()
        limits.payloadBytes = 10
        let harness = try PublishHarness(limits: limits)
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n")
        #expect(harness.statuses == [413])
        #expect(harness.codes == ["PayloadTooLarge"])
        #expect(harness.output.contains("connection: close\r\n"))
    }

    @Test("a chunked body is refused when it grows over the limit")
    func growsTooLarge() throws {
        var limits = HTTPLimits()
        limits.payloadBytes = 10
        let harness = try PublishHarness(limits: limits)
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n")
        #expect(harness.output.isEmpty)
        try harness.send("3\r\n123\r\n0\r\n\r\n" + PublishHarness.publish("never"))
        #expect(harness.statuses == [413])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
        #expect(harness.log.drafts.isEmpty)
    }

    @Test("a body in many parts is put together")
    func parts() throws {
        let harness = try PublishHarness()
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n")
        try harness.send("3\r\n,2]\r\n0\r\n\r\n")
        #expect(harness.log.drafts.first?.payload == Array("[1,2]".utf8))
    }

    @Test(
        "what isn't HTTP is answered once and the connection closed",
        arguments: [
            ("nonsense\r\n\r\n", 400, "InvalidRequest"),
            (
                "GET / HTTP/1.1\r\nhost: a\r\nx: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431,
                "PayloadTooLarge"
            ),
        ]
    )
    func malformed(bytes: String, status: Int, code: String) throws {
        let harness = try PublishHarness()
        try? harness.send(bytes)
        harness.endTurn()
        #expect(harness.statuses == [status])
        #expect(harness.codes == [code])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }

    @Test("what isn't HTTP is answered after the publishes before it")
    func malformedAfterPublish() throws {
        let harness = try PublishHarness()
        try? harness.send(PublishHarness.publish("a") + "nonsense\r\n\r\n")
        #expect(harness.output.isEmpty)
        harness.commit()
        #expect(harness.statuses == [202, 400])
    }

    @Test("the log's refusal is told with its status and Retry-After")
    func refused() throws {
        let harness = try PublishHarness()
        try harness.publish("a")
        harness.refuse(TestErrors.queueFull)
        #expect(harness.statuses == [503])
        #expect(harness.codes == ["QueueFull"])
        #expect(harness.output.contains("retry-after: 5\r\n"))
        #expect(harness.isOpen)
    }

    @Test("a refused upgrade is told why, and the connection goes on")
    func refusedUpgrade() throws {
        let harness = try PublishHarness()
        let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        try harness.send(
            "GET /ws HTTP/1.1\r\nhost: a\r\n\(upgrade)sec-websocket-version: 8\r\n\r\n" + PublishHarness.get("/x")
        )
        #expect(harness.statuses == [426])
        #expect(harness.output.contains("sec-websocket-version: 13\r\n"))
        #expect(harness.router.paths == ["/x"])
        harness.route("1")
        try harness.publish("a")
        harness.commit()
        #expect(harness.statuses == [426, 200, 202])
        #expect(harness.isOpen)
    }

    @Test("a connection whose client is gone takes late commits without harm")
    func goneClient() throws {
        let harness = try PublishHarness()
        try harness.publish("a")
        _ = try harness.channel.finish(acceptAlreadyClosed: true)
        harness.commit()
        #expect(harness.output.isEmpty)
    }
}
