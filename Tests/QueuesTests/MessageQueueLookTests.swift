import Foundation
import Logging
import QueueEngine
import SluiceCore
import Synchronization
import TestSupport
import Testing

@testable import LMDBLog
@testable import Queues

@Suite("Looking at message queues")
struct MessageQueueLookTests {
    private let clock = WallClock()
    private let id = QueueID(alreadyChecked: "q")

    @Test("stored messages are shown with their state and count, and looking changes nothing")
    func states() async throws {
        let scratch = try QueueScratch(clock: clock)
        let queue = try await scratch.service.create(id, [], tags: [])
        _ = try await scratch.service.send(
            [
                QueueMessage("a", at: clock.now), QueueMessage("b", at: clock.now),
                QueueMessage("c", at: clock.now, delaySeconds: 60),
            ],
            to: id
        )
        _ = try await scratch.service.receive(from: id, maximum: 1, visibilitySeconds: 30, waitSeconds: 0)
        for _ in 0..<2 {
            let found = try scratch.store.messages(of: queue, from: 1, maximum: 10, nowNanoseconds: clock.now)
            #expect(found.map(\.state) == [.inFlight, .visible, .delayed] && found.map(\.receiveCount) == [1, 0, 0])
            #expect(try found.map { try $0.message.get().body } == ["a", "b", "c"])
        }
        let rest = try scratch.store.messages(of: queue, from: 2, maximum: 1, nowNanoseconds: clock.now)
        #expect(rest.map(\.ordinal) == [2])
        clock.advance(seconds: 61)
        let later = try scratch.store.messages(of: queue, from: 1, maximum: 10, nowNanoseconds: clock.now)
        #expect(later.allSatisfy { $0.state == .visible } && later.map(\.receiveCount) == [1, 0, 0])
    }

    @Test("a message that can't be read is shown as such")
    func damaged() async throws {
        let scratch = try QueueScratch(clock: clock)
        let queue = try await scratch.service.create(id, [], tags: [])
        _ = try await scratch.service.send(
            [QueueMessage("a", at: clock.now), QueueMessage("b", at: clock.now)],
            to: id
        )
        try scratch.damageMessage(of: queue.number, 1)
        let found = try scratch.store.messages(of: queue, from: 1, maximum: 10, nowNanoseconds: clock.now)
        #expect((try? found[0].message.get()) == nil && (try? found[1].message.get().body) == "b")
    }

    @Test("trimming removes what is older, wherever it stands, and tells of its progress")
    func trim() async throws {
        let scratch = try QueueScratch(clock: clock)
        _ = try await scratch.service.create(id, [], tags: [])
        let (old, young) = (clock.now - 100_000_000_000, clock.now)
        // As dead letters of two queues come: not in the order of their times.
        let messages = (0..<250).map { QueueMessage("\($0)", at: $0 % 2 == 0 ? old : young) }
        _ = try await scratch.service.send(messages, to: id)
        var progress: [Int] = []
        #expect(try await scratch.service.trim(id, olderThanSeconds: 101) == 0)
        #expect(try await scratch.service.trim(id, olderThanSeconds: 99) { progress.append($0) } == 125)
        #expect(progress == [50, 100, 125])
        #expect(try await scratch.service.trim(id, olderThanSeconds: .max) == 0)
        let left = try scratch.service.figures(of: try scratch.service.queue(id))
        #expect(left.visible == 125)
    }

    @Test("an observer is told of sends, receives, deletes, dead letters and what expires")
    func observer() async throws {
        let scratch = try QueueScratch(clock: clock)
        let seen = SeenEvents()
        let service = MessageQueueService(
            store: scratch.store,
            wallNanoseconds: { clock.now },
            observer: seen,
            logger: Logger(label: "test")
        )
        let dead = QueueID(alreadyChecked: "dead")
        _ = try await service.create(dead, [], tags: [])
        let policy = RedrivePolicy(deadLetterQueue: dead, maximumReceives: 1)
        var attributes = MessageQueueAttributes()
        attributes.redrive = policy
        attributes.retentionSeconds = 600
        let queue = try await service.create(id, attributes.values.map { (ByteString($0.name), $0.value) }, tags: [])
        _ = try await service.send((0..<5).map { QueueMessage("\($0)", at: clock.now) }, to: id)
        let held = try await service.receive(from: id, maximum: 2, visibilitySeconds: 1, waitSeconds: 0)
        _ = try await service.delete([held[0].handle], from: queue)
        clock.advance(seconds: 2)
        _ = try await service.receive(from: id, maximum: 1, visibilitySeconds: 1, waitSeconds: 0)
        clock.advance(seconds: 700)
        _ = try await service.receive(from: id, maximum: 1, visibilitySeconds: 1, waitSeconds: 0)
        #expect(seen.counts == [.sent: 5, .received: 3, .deleted: 1, .deadLettered: 1, .expired: 3])
    }
}

private final class SeenEvents: MessageQueueObserver {
    private let seen = Mutex<[MessageQueueEvent: Int]>([:])

    var counts: [MessageQueueEvent: Int] { seen.withLock { $0 } }

    func note(_ event: MessageQueueEvent, of queue: QueueID, _ messages: Int) {
        seen.withLock { $0[event, default: 0] += messages }
    }
}
