import DeliveryLink
import FanOut
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Fan-outs of more than one turn, with what can happen between the turns.
@Suite("WebSocketLoop's sweeps")
struct SweepingTests {
    private let topic = Topic(alreadyChecked: "a")

    private func connect(_ count: Int, _ harness: WebSocketHarness, to topic: String = "a") throws -> [WebSocketClient]
    {
        try (0..<count).map { _ in try harness.connectSubscribed(to: topic) }
    }

    @Test("visits some subscribers a turn and answers when the last is written")
    func turns() throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        var receipts = harness.deliver(harness.log.append(topic))
        #expect(clients.map { $0.sequences() } == Array(repeating: [1], count: 128) + Array(repeating: [], count: 172))
        #expect(receipts.isEmpty)
        receipts = harness.turnSweeps()
        #expect(clients.map { $0.sequences().count }.reduce(0, +) == 128)
        #expect(receipts.isEmpty)
        receipts = harness.turnSweeps()
        #expect(clients[256...].allSatisfy { $0.sequences() == [1] })
        #expect(receipts.map(\.sockets) == [300])
        #expect(harness.finishSweeps().isEmpty)
        #expect(harness.loop?.subscribers.underWay.sweeps == 0)
    }

    @Test("takes a record that comes meanwhile along, in one piece with those before it")
    func joins() throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        var receipts = harness.deliver(harness.log.append(topic))
        let before = clients.map(\.writes)
        receipts += harness.deliver(harness.log.append(topic), harness.log.append(topic))
        receipts += harness.finishSweeps()
        for (position, client) in clients.enumerated() {
            #expect(client.sequences() == [1, 2, 3])
            // The first turn's have got the first record by itself.
            #expect(client.writes == before[position] + (position < 128 ? 2 : 1))
        }
        #expect(receipts.map(\.deliveryID) == [1, 2, 3])
        #expect(receipts.map(\.sockets) == [300, 300, 300])
    }

    @Test("closes a connection that doesn't read when it comes to it, and names it")
    func slow() throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        let slow = [0, 127, 128, 200, 299]
        for place in slow { clients[place].channel.isWritable = false }
        var receipts = harness.deliver(harness.log.append(topic))
        #expect(clients[200].read().isEmpty)
        receipts += harness.deliver(harness.log.append(topic))
        receipts += harness.finishSweeps()
        #expect(receipts.map(\.sockets) == [295, 295])
        let ids = Set(slow.compactMap { clients[$0].id })
        #expect(Set(receipts[0].slow) == ids)
        // Those of the first turn were gone before the second record came.
        let later = Set(receipts[1].slow)
        #expect(
            later.isSubset(of: ids) && later.count < ids.count && clients[200].id.map { later.contains($0) } == true
        )
        for (place, client) in clients.enumerated() {
            let frames = client.read()
            if slow.contains(place) {
                #expect(frames.map(\.closeCode) == [4008])
            } else {
                #expect(frames.compactMap(\.eventSequence) == [1, 2])
            }
        }
    }

    @Test("passes nobody over when connections go or unsubscribe between turns")
    func leaving() throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        var receipts = harness.deliver(harness.log.append(topic))
        // One that has it, one that hasn't, the next, and the last, which the others' places go to.
        for place in [3, 250, 128, 299] { try clients[place].channel.close().wait() }
        for place in [5, 298] { try clients[place].send(#"{"action":"unsubscribe","topics":["a"]}"#) }
        receipts += harness.turnSweeps()
        try clients[140].channel.close().wait()
        receipts += harness.finishSweeps()
        let gone = [3, 250, 128, 299, 5, 298, 140]
        for (place, client) in clients.enumerated() where !gone.contains(place) {
            #expect(client.sequences() == [1], "\(place)")
        }
        for place in [250, 128, 299, 298] { #expect(clients[place].sequences().isEmpty) }
        #expect(receipts.map(\.sockets) == [296])
    }

    @Test("goes on when connections break as they are written to", arguments: [true, false])
    func breaking(isOwnWrite: Bool) throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        for place in [0, 1, 127, 128, 298, 299] {
            let victim = isOwnWrite ? clients[place] : clients[(place + 150) % 300]
            try clients[place].channel.pipeline.syncOperations.addHandler(Breaker(victim.channel), position: .first)
            clients[place].channel.isWritable = false
        }
        var receipts = harness.deliver(harness.log.append(topic))
        receipts += harness.finishSweeps()
        let whole = clients.filter { $0.isOpen && $0.channel.isWritable }
        #expect(whole.count >= 288)
        for client in whole { #expect(client.sequences() == [1]) }
        #expect(receipts.map(\.deliveryID) == [1])
        harness.deliver(harness.log.append(topic))
        harness.finishSweeps()
        for client in whole { #expect(client.sequences() == [2]) }
    }

    @Test("answers when all subscribers have gone meanwhile, and serves the topic that has the place then")
    func allGone() throws {
        let harness = WebSocketHarness()
        let clients = try connect(200, harness)
        #expect(harness.deliver(harness.log.append(topic)).isEmpty)
        for client in clients { try client.channel.close().wait() }
        let others = try connect(200, harness, to: "b")
        var receipts = harness.deliver(harness.log.append(Topic(alreadyChecked: "b")))
        receipts += harness.finishSweeps()
        #expect(receipts.map(\.sockets).sorted() == [128, 200])
        #expect(Set(receipts.map(\.deliveryID)) == [1, 2])
        for client in others { #expect(client.sequences() == [2]) }
    }

    @Test("leaves a hole that is too large to the subscribers in the middle of a round", arguments: [false, true])
    func largeHole(rests: Bool) throws {
        let harness = WebSocketHarness { $0.holeRecords = 3 }
        let clients = try connect(300, harness)
        var receipts = harness.deliver(harness.log.append(topic))
        if rests {
            receipts += harness.deliver(harness.log.append(topic))
            harness.clock.advance(8_000_000)
            receipts += harness.turnSweeps()
            #expect(harness.loop?.subscribers.underWay.sweeps == 0, "it rests")
        }
        let records = (0..<10).map { _ in harness.log.append(topic) }
        receipts += harness.deliver(records[9])
        // What was on its way has gone out before.
        for client in clients { #expect(client.sequences() == (rests ? [1, 2] : [1])) }
        harness.settle()
        receipts += harness.finishSweeps()
        for client in clients { #expect(client.sequences() == Array((rests ? 3 : 2)...(rests ? 12 : 11))) }
        #expect(receipts.map(\.sockets) == (rests ? [300, 300, 0] : [300, 0]))
        try goesOn(harness, clients, receipts.count)
    }

    @Test("catches up from the log in the middle of a round", arguments: [false, true])
    func catchUp(rests: Bool) throws {
        let harness = WebSocketHarness()
        let clients = try connect(300, harness)
        var receipts = harness.deliver(harness.log.append(topic), harness.log.append(topic))
        if rests {
            receipts += harness.turnSweeps()
            receipts += harness.deliver(harness.log.append(topic))
            harness.clock.advance(8_000_000)
            receipts += harness.turnSweeps()
        } else {
            harness.log.append(topic)
        }
        harness.fanOut.catchUpEverything()
        harness.eventLoop.run()
        receipts += harness.takeReceipts()
        harness.settle()
        receipts += harness.finishSweeps()
        for client in clients { #expect(client.sequences() == [1, 2, 3]) }
        #expect(receipts.allSatisfy { $0.sockets == 300 })
        try goesOn(harness, clients, receipts.count)
    }

    /// Other topics' sweeps begin after one was ended early: none shares a place, and each goes its own way.
    private func goesOn(_ harness: WebSocketHarness, _ clients: [WebSocketClient], _ answered: Int) throws {
        let others = try ["b", "c"].map { try connect(200, harness, to: $0) }
        let last = try harness.log.head(of: topic).rawValue
        var receipts = harness.deliver(
            harness.log.append(Topic(alreadyChecked: "b")),
            harness.log.append(Topic(alreadyChecked: "c")),
            harness.log.append(topic)
        )
        receipts += harness.finishSweeps()
        for client in others[0] { #expect(client.sequences() == [last + 1]) }
        for client in others[1] { #expect(client.sequences() == [last + 2]) }
        for client in clients { #expect(client.sequences() == [last + 3]) }
        #expect(Set(receipts.map(\.deliveryID)) == Set((1...3).map { UInt64(answered + $0) }))
        #expect(receipts.map(\.sockets).sorted() == [200, 200, 300])
        #expect(harness.loop?.subscribers.underWay.sweeps == 0)
    }

    @Test("writes two topics' records to a connection with one flush a turn")
    func twoTopics() throws {
        let harness = WebSocketHarness()
        let clients = try (0..<60).map { _ in try harness.connectSubscribed(to: "a", "b") }
        let flushes = try clients.map { client in
            let counter = FlushCounter()
            try client.channel.pipeline.syncOperations.addHandler(counter, position: .first)
            return counter
        }
        let receipts = harness.deliver(
            harness.log.append(topic),
            harness.log.append(Topic(alreadyChecked: "b")),
            harness.log.append(topic)
        )
        for (client, flushes) in zip(clients, flushes) {
            #expect(client.sequences().sorted() == [1, 2, 3])
            #expect(flushes.count == 1)
        }
        #expect(receipts.map(\.sockets) == [60, 60, 60])
    }
}

/// Closes a connection, its own or another's, as soon as something is flushed.
private final class Breaker: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private let victim: EmbeddedChannel

    init(_ victim: EmbeddedChannel) { self.victim = victim }

    func flush(context: ChannelHandlerContext) {
        if victim.isActive { victim.close(promise: nil) }
        context.flush()
    }
}
