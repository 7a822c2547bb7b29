import QueueEngine
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import Queues

@Suite("Message queues on the log")
struct MessageQueueServiceTests {
    private let clock = WallClock()
    private let id = QueueID(alreadyChecked: "q")

    private func scratch(_ values: (name: ByteString, value: String)...) async throws -> QueueScratch {
        let scratch = try QueueScratch(clock: clock)
        _ = try await scratch.service.create(id, values, tags: [])
        return scratch
    }

    private func send(_ scratch: QueueScratch, _ bodies: String..., delaySeconds: Int = 0) async throws {
        let messages = bodies.map { QueueMessage($0, at: clock.now, delaySeconds: delaySeconds) }
        _ = try await scratch.service.send(messages, to: id)
    }

    private func receive(_ scratch: QueueScratch, maximum: Int = 10) async throws -> [ReceivedMessage] {
        try await scratch.service.receive(from: id, maximum: maximum, visibilitySeconds: nil, waitSeconds: 0)
    }

    @Test("messages, what receivers hold and handles outlive a restart")
    func restart() async throws {
        let scratch = try await scratch()
        try await send(scratch, "a", "b", "c")
        let first = try await receive(scratch, maximum: 2)
        #expect(first.map(\.message.body) == ["a", "b"])
        try scratch.restart()
        #expect(try await receive(scratch).map(\.message.body) == ["c"])
        #expect(try await scratch.delete([first[0].handle], from: id) == [.inFlight])
        clock.advance(seconds: 31)
        let again = try await receive(scratch)
        #expect(again.map(\.message.body) == ["b", "c"] && again.map(\.entry.receiveCount) == [2, 2])
    }

    @Test("after a crash of the machine what wasn't deleted can be received, and old handles delete nothing")
    func machineCrash() async throws {
        let scratch = try await scratch()
        try await send(scratch, "a", "b")
        let held = try await receive(scratch)
        _ = try await scratch.delete([held[0].handle], from: id)
        try scratch.restart(losingReceives: true)
        let again = try await receive(scratch)
        #expect(again.map(\.message.body) == ["b"] && again[0].entry.receiveCount == 1)
        #expect(try await scratch.delete([held[1].handle], from: id) == [.stale])
        #expect(try await scratch.delete([again[0].handle], from: id) == [.inFlight])
    }

    @Test("a queue that is made again under its name has none of the old one's messages, and old handles fit nothing")
    func madeAgain() async throws {
        let scratch = try await scratch()
        try await send(scratch, "old")
        let held = try await receive(scratch)
        try await scratch.service.delete(id)
        #expect(try scratch.store.discardable().isEmpty)
        _ = try await scratch.service.create(id, [], tags: [])
        try await send(scratch, "new")
        #expect(try await scratch.delete(held.map(\.handle), from: id) == [.gone])
        #expect(try await receive(scratch).map(\.message.body) == ["new"])
    }

    @Test("what a process left of a deleted queue is removed by the next one's upkeep")
    func discard() async throws {
        let scratch = try await scratch()
        try await send(scratch, "a", "b")
        _ = try await scratch.store.commit(.delete(id))
        try scratch.restart()
        let number = try #require(try scratch.store.discardable().first)
        let service = scratch.service
        let upkeep = Task { await service.maintain() }
        while try !scratch.store.discardable().isEmpty { await Task.yield() }
        upkeep.cancel()
        #expect(try scratch.store.ordinals(of: number, through: .max, maximum: 10).isEmpty)
    }

    @Test("beyond the messages that may be in flight a receive is refused, and goes on when one is deleted")
    func inFlightLimit() async throws {
        let scratch = try await scratch()
        for _ in 0..<6 { try await send(scratch, "1", "2", "3", "4", "5", "6", "7", "8", "9", "10") }
        var held: [ReceivedMessage] = []
        for _ in 0..<5 { held += try await receive(scratch) }
        await #expect(throws: QueueError.self) { try await receive(scratch, maximum: 1) }
        _ = try await scratch.delete([held[0].handle], from: id)
        #expect(try await receive(scratch, maximum: 1).count == 1)
        let queue = try scratch.service.queue(id)
        let figures = try scratch.service.figures(of: queue)
        #expect(figures.inFlight == 50 && figures.visible == 9 && figures.delayed == 0)
    }

    @Test("a message behind very many that are delayed is found at once, and moved")
    func behindDelayed() async throws {
        let scratch = try await scratch()
        let now = StageClock.wallNanoseconds()
        let delayed = (0..<2_500).map { QueueMessage("\($0)", at: now, delaySeconds: 900) }
        _ = try await scratch.service.send(delayed, to: id)
        try await send(scratch, "now", "then")
        #expect(try await receive(scratch, maximum: 1).first?.message.body == "now")
        let other = QueueID(alreadyChecked: "other")
        _ = try await scratch.service.create(other, [], tags: [])
        _ = try scratch.service.startMove(of: id, to: other, maximumPerSecond: nil)
        while try scratch.service.moves(of: id)[0].status == .running { await Task.yield() }
        #expect(try scratch.service.moves(of: id)[0].moved >= 1)
    }

    @Test("where the dead-letter queue was deleted messages are received on")
    func missingTarget() async throws {
        let scratch = try await scratch()
        let dead = QueueID(alreadyChecked: "dead")
        _ = try await scratch.service.create(dead, [], tags: [])
        let policy = #"{"deadLetterTargetArn":"\#(QueueARN.text(of: dead))","maxReceiveCount":1}"#
        try await scratch.service.set([(name: "RedrivePolicy", value: policy)], of: id)
        try await send(scratch, "a")
        for count in 1...3 {
            let found = try await scratch.service.receive(from: id, maximum: 1, visibilitySeconds: 0, waitSeconds: 0)
            #expect(found.first?.entry.receiveCount == UInt32(count))
            if count == 1 { try await scratch.service.delete(dead) }
        }
    }

    @Test("a damaged message is passed over, and the others are received")
    func damaged() async throws {
        let scratch = try await scratch()
        try await send(scratch, "a", "b", "c")
        let number = try scratch.service.queue(id).number
        try scratch.damageMessage(of: number, 2)
        #expect(try await receive(scratch).map(\.message.body) == ["a", "c"])
    }

    @Test("messages whose time is over are removed by the upkeep where nobody receives")
    func retention() async throws {
        let scratch = try await scratch(("MessageRetentionPeriod", "60"))
        try await send(scratch, "old")
        clock.advance(seconds: 61)
        try await send(scratch, "new")
        let service = scratch.service
        let upkeep = Task { await service.maintain() }
        let queue = try scratch.service.queue(id)
        while try scratch.store.ordinals(of: queue.number, through: .max, maximum: 10).count > 1 { await Task.yield() }
        upkeep.cancel()
        #expect(try await receive(scratch).map(\.message.body) == ["new"])
    }

    @Test("a receive that waits is answered by a send, and by a drain")
    func waiting() async throws {
        let scratch = try await scratch()
        let (service, id) = (scratch.service, id)
        async let waiting = service.receive(from: id, maximum: 1, visibilitySeconds: nil, waitSeconds: 20)
        try await send(scratch, "a")
        #expect(try await waiting.map(\.message.body) == ["a"])
        let began = ContinuousClock.now
        async let drained = service.receive(from: id, maximum: 1, visibilitySeconds: nil, waitSeconds: 20)
        service.drain()
        #expect(try await drained.isEmpty && ContinuousClock.now - began < .seconds(10))
    }
}

@Suite("Messages as bytes")
struct MessageCodecTests {
    @Test("come back as they were, and a changed bit is found")
    func roundTrip() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("MessageCodecTests.roundTrip seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let attributes = (0..<Int.random(in: 0...10, using: &random)).map { number in
                MessageAttribute(
                    name: ByteString("name\(number)"),
                    type: Bool.random(using: &random) ? "String" : "Binary.x",
                    value: Bool.random(using: &random) ? .string("ä\(number)") : .binary([0, 255, UInt8(number)])
                )
            }
            let message = QueueMessage(
                body: String(repeating: "é", count: Int.random(in: 0...300, using: &random)),
                attributes: attributes,
                traceHeader: Bool.random(using: &random) ? "Root" : nil,
                sentAtNanoseconds: .random(in: 0 ... .max, using: &random),
                visibleAtNanoseconds: .random(in: 0 ... .max, using: &random),
                deadLetterSource: Bool.random(using: &random) ? QueueID(alreadyChecked: "from") : nil
            )
            var bytes = MessageCodec.encode(message)
            #expect(try decode(bytes) == message)
            bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(throws: QueueError.self, "seed \(seed)") { try decode(bytes) }
            #expect(throws: QueueError.self, "seed \(seed)") { try decode(Array(bytes.dropLast())) }
        }
    }

    private func decode(_ bytes: [UInt8]) throws -> QueueMessage {
        try bytes.withUnsafeBytes { try MessageCodec.decode($0) }
    }

    @Test("ids are UUIDs of version 4")
    func ids() {
        let text = MessageID.random().description
        let parts = text.split(separator: "-")
        #expect(
            parts.map(\.count) == [8, 4, 4, 4, 12] && parts[2].first == "4"
                && ["8", "9", "a", "b"].contains(parts[3].first)
        )
    }

    @Test("handles come back from their text, and nothing else is one")
    func handles() {
        let handle = MessageHandle(queue: 7, ordinal: .max, receive: 1)
        #expect(MessageHandle(handle.text) == handle)
        for text in ["", "m", "m-1-1", "m-1-1-1-1", "x-1-1-1", "m--1-1-1", "m-1-1-ä", "m-zzzzzzzzzzzzzz-1-1"] {
            #expect(MessageHandle(text) == nil, "\(text)")
        }
    }
}
