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

    @Test("a routed body that isn't read holds its client back, and isn't late meanwhile")
    func routedBackPressure() throws {
        let harness = try PublishHarness()
        try harness.send("PUT /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n1")
        harness.router.demand = .full
        harness.channel.read()
        #expect(harness.flushes.readCount == 0)
        harness.advance(by: .seconds(100))
        #expect(harness.router.errors.isEmpty)
        harness.router.demand = .wanted
        harness.handler.routedWantsBody(1)
        #expect(harness.flushes.readCount == 1)
        harness.advance(by: .seconds(61))
        #expect(harness.router.errors.map(\.code) == [.requestTimeout])
        harness.route("late")
        #expect(harness.statuses == [200])
        #expect(harness.output.contains("connection: close\r\n"))
    }

    @Test("a routed answer goes on when its client has taken what is there")
    func answerBackPressure() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.get("/x") + PublishHarness.get("/y"))
        harness.channel.isWritable = false
        let taken = harness.channel.eventLoop.makePromise(of: Void.self)
        var isTaken = false
        taken.futureResult.assumeIsolated().whenSuccess { isTaken = true }
        harness.router.begin("some", taken)
        harness.endTurn()
        #expect(harness.output.hasSuffix("\r\n\r\n4\r\nsome\r\n"))
        #expect(!isTaken)
        harness.channel.isWritable = true
        harness.channel.pipeline.fireChannelWritabilityChanged()
        harness.endTurn()
        #expect(isTaken)
        harness.router.end()
        harness.endTurn()
        #expect(harness.output.hasSuffix("some\r\n0\r\n\r\n"))
        #expect(harness.router.paths == ["/x", "/y"])
    }

    @Test("a routed request is cancelled when its client is gone, and what it answers goes nowhere")
    func routedGone() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.get("/x"))
        _ = try harness.channel.finish(acceptAlreadyClosed: true)
        #expect(harness.router.cancellations == 1)
        harness.router.answer("late")
        #expect(harness.output.isEmpty)
    }

    @Test("a client that doesn't take its last answer isn't waited for")
    func stuckAtTheEnd() throws {
        let harness = try PublishHarness()
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n")
        #expect(harness.statuses == [413])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }
}
