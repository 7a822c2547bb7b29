import NIOCore
import NIOEmbedded
import SluiceCore
import Testing

@testable import Gateway

/// Closing, deadlines, back-pressure and drain of a connection with publishes and routed requests.
@Suite("HTTPConnection lifetime")
struct HTTPConnectionLifetimeTests {
    @Test(
        "a connection that isn't kept alive closes after the answer",
        arguments: [
            "POST /topics/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
            "POST /topics/a HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}",
        ]
    )
    func closes(request: String) throws {
        let harness = try PublishHarness()
        try harness.send(request + PublishHarness.publish("never"))
        #expect(harness.isOpen)
        harness.commit()
        #expect(harness.statuses == [202])
        #expect(harness.output.contains("connection: close\r\n"))
        #expect(!harness.isOpen)
    }

    @Test("a routed request that isn't kept alive closes after its answer")
    func routedCloses() throws {
        let harness = try PublishHarness()
        try harness.send("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        #expect(harness.isOpen)
        harness.route("1")
        #expect(harness.statuses == [200])
        #expect(!harness.isOpen)
    }

    @Test("a client that waits for 100 Continue gets it, in its turn")
    func expectContinue() throws {
        let harness = try PublishHarness()
        try harness.send(
            PublishHarness.publish("a")
                + "POST /topics/b HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        )
        #expect(harness.output.isEmpty)
        harness.commit()
        #expect(harness.statuses == [202, 100])
        try harness.send("{}")
        harness.commit()
        #expect(harness.statuses == [202, 100, 202])
    }

    @Test("a client that waits for 100 Continue in vain is told why")
    func expectRefused() throws {
        let harness = try PublishHarness()
        try harness.send("POST /topics/ HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        #expect(harness.statuses == [400])
        #expect(harness.codes == ["InvalidTopic"])
    }

    @Test("a routed request gets its 100 Continue too")
    func routedContinue() throws {
        let harness = try PublishHarness()
        try harness.send(
            "PUT /tables/t/items/k HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        )
        #expect(harness.statuses == [100])
    }

    @Test("a body that trickles is cut off with 408")
    func slowBody() throws {
        let harness = try PublishHarness()
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{")
        for _ in 0..<5 {
            harness.advance(by: .seconds(10))
            try harness.send(" ")
            #expect(harness.output.isEmpty)
        }
        harness.advance(by: .seconds(11))
        #expect(harness.statuses == [408])
        #expect(harness.codes == ["RequestTimeout"])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }

    @Test("a silent connection is closed, one that waits for its answer isn't")
    func idle() throws {
        let harness = try PublishHarness()
        try harness.publish("a")
        harness.advance(by: .seconds(200))
        #expect(harness.isOpen)
        harness.commit()
        #expect(harness.statuses == [202])
        harness.advance(by: .seconds(74))
        #expect(harness.isOpen)
        harness.advance(by: .seconds(80))
        #expect(!harness.isOpen)
    }

    @Test("a drain closes an idle connection at once")
    func drainIdle() throws {
        let harness = try PublishHarness()
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        harness.endTurn()
        #expect(!harness.isOpen)
    }

    @Test("a drain waits for what is in flight and says that the connection ends")
    func drainBusy() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.publish("a") + PublishHarness.publish("b"))
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        harness.endTurn()
        #expect(harness.isOpen)
        harness.commit()
        #expect(harness.statuses == [202, 202])
        #expect(harness.output.ranges(of: "connection: close").count == 1)
        #expect(!harness.isOpen)
    }

    @Test("a drain waits for a routed answer")
    func drainRouted() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.get("/x"))
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        harness.endTurn()
        #expect(harness.isOpen)
        harness.route("1")
        #expect(harness.statuses == [200])
        #expect(!harness.isOpen)
    }

    @Test("a client that closes its side still gets its answers")
    func halfClosed() throws {
        let harness = try PublishHarness()
        try harness.publish("a")
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        harness.endTurn()
        #expect(harness.isOpen)
        harness.commit()
        #expect(harness.statuses == [202])
        #expect(!harness.isOpen)
    }

    @Test("the end of input waits for requests that are held")
    func halfClosedHeld() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.publish("a") + PublishHarness.get("/x"))
        harness.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        harness.endTurn()
        #expect(harness.router.paths.isEmpty)
        harness.commit()
        #expect(harness.router.paths == ["/x"])
        harness.route("1")
        #expect(harness.statuses == [202, 200])
        #expect(harness.output.ranges(of: "connection: close").count == 1)
        #expect(!harness.isOpen)
    }
}
