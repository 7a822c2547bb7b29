import ChangeQueue
import Foundation
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import QueueEngine
@testable import Queues

/// Goal: whatever receivers, clocks and crashes do, a standard queue hands out every message that isn't deleted, none that is hidden or deleted,
/// counts its receives, and moves it to the dead letters exactly when it was received too often. Method: random histories against a simple model.
/// `SLUICE_HISTORIES=10000` runs as many.
@Suite("Standard queues against a model")
struct StandardQueueSimulationTests {
    private static let histories = Int(ProcessInfo.processInfo.environment["SLUICE_HISTORIES"] ?? "") ?? 100

    @Test("holds over random histories with crashes")
    func random() async throws {
        let first = UInt64.random(in: .min ... .max)
        print(
            "StandardQueueSimulationTests.random first seed \(first), \(StandardQueueSimulationTests.histories) histories"
        )
        for number in 0..<StandardQueueSimulationTests.histories {
            let seed = first &+ UInt64(number)
            try await History(seed: seed, name: "q\(number)").run()
        }
    }

    @Test("holds for seeds that failed once", arguments: [15_931_186_909_074_033_928] as [UInt64])
    func known(seed: UInt64) async throws { try await History(seed: seed, name: "q").run() }
}

/// One history.
private final class History {
    private struct Message {
        let body: String
        let ordinal: UInt64
        let sentAt: UInt64
        var visibleAt: UInt64
        var count = 0
        var isDeleted = false
        var isDead = false
        /// The handle that deletes it.
        var handle: MessageHandle?
    }

    private let seed: UInt64
    private var random: SeededGenerator
    private let clock = WallClock()
    private let scratch: QueueScratch
    private let (main, dead): (QueueID, QueueID)
    private let maximumReceives: Int
    private let retentionSeconds: Int
    private var messages: [String: Message] = [:]
    private var handles: [(handle: MessageHandle, body: String)] = []

    init(seed: UInt64, name: String) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        scratch = try QueueScratch(isInMemory: true, clock: clock)
        (main, dead) = (QueueID(alreadyChecked: name), QueueID(alreadyChecked: name + "-dead"))
        maximumReceives = Int.random(in: 1...4, using: &random)
        retentionSeconds = Bool.random(using: &random) ? 60 : 345_600
    }

    private var service: MessageQueueService { scratch.service }

    func run() async throws {
        let policy = RedrivePolicy(deadLetterQueue: dead, maximumReceives: maximumReceives)
        _ = try await service.create(dead, [("MessageRetentionPeriod", "1209600")], tags: [])
        let values =
            [("MessageRetentionPeriod", "\(retentionSeconds)"), ("RedrivePolicy", policy.json)]
            as [(ByteString, String)]
        _ = try await service.create(main, values.map { (name: $0.0, value: $0.1) }, tags: [])
        for _ in 0..<60 { try await step() }
        try await drain()
    }

    private func step() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: try await send()
        case 25..<55: try await receive(from: Int.random(in: 0..<5, using: &random) == 0 ? dead : main)
        case 55..<75: try await delete(isCrashing: Int.random(in: 0..<8, using: &random) == 0)
        case 75..<83: try changeVisibility()
        case 83..<96: clock.advance(seconds: .random(in: 0...12, using: &random))
        case 96..<98: try scratch.restart()
        default:
            try scratch.restart(losingReceives: true)
            for body in messages.keys {
                messages[body]?.count = 0
                messages[body]?.handle = nil
                // What was in flight can be received; a delay is kept with the message.
                if let message = messages[body], message.visibleAt > clock.now, message.visibleAt != delayEnd(message) {
                    messages[body]?.visibleAt = delayEnd(message)
                }
            }
        }
    }

    private var delays: [String: UInt64] = [:]

    private func delayEnd(_ message: Message) -> UInt64 {
        message.isDead ? message.sentAt : delays[message.body] ?? message.sentAt
    }

    private func send() async throws {
        let now = clock.now
        let sent = (0..<Int.random(in: 1...4, using: &random)).map { number in
            QueueMessage(
                "\(messages.count)-\(number)",
                at: now,
                delaySeconds: Int.random(in: 0..<4, using: &random) == 0 ? 5 : 0
            )
        }
        let places = try await service.send(sent, to: main)
        for (message, ordinal) in zip(sent, places.map(\.ordinal)) {
            delays[message.body] = message.visibleAtNanoseconds
            messages[message.body] = Message(
                body: message.body,
                ordinal: ordinal,
                sentAt: now,
                visibleAt: message.visibleAtNanoseconds
            )
        }
    }

    private func receive(from queue: QueueID) async throws {
        let maximum = Int.random(in: 1...10, using: &random)
        let visibility = [0, 1, 10, 30].randomElement(using: &random) ?? 0
        let before = messages
        let received: [ReceivedMessage]
        do throws(QueueError) {
            received = try await service.receive(
                from: queue,
                maximum: maximum,
                visibilitySeconds: visibility,
                waitSeconds: 0
            )
        } catch {
            // Fifty may be in flight here.
            #expect(
                error.code == .overLimit && messages.values.count { $0.visibleAt > clock.now } + maximum > 50,
                "seed \(seed): \(error)"
            )
            return
        }
        let isDead = queue == dead
        for one in received { take(one, isDead, visibility) }
        try noteMoves(before)
        guard received.count < maximum else { return }
        let bodies = Set(received.map(\.message.body))
        for (body, message) in before where isReceivable(message) && message.isDead == isDead {
            #expect(
                bodies.contains(body),
                "seed \(seed): \(message) was passed over at \(clock.now), \(maximum) asked for"
            )
        }
    }

    private func isReceivable(_ message: Message) -> Bool {
        !message.isDeleted && message.visibleAt <= clock.now && (message.isDead || message.count < maximumReceives)
            && !isExpired(message)
    }

    private func isExpired(_ message: Message) -> Bool {
        !message.isDead && clock.now > message.sentAt + UInt64(retentionSeconds) * 1_000_000_000
    }

    private func take(_ one: ReceivedMessage, _ isDead: Bool, _ visibility: Int) {
        let body = one.message.body
        guard var message = messages[body] else {
            Issue.record("seed \(seed): \(body) was never sent")
            return
        }
        #expect(
            isReceivable(message) && message.isDead == isDead,
            "seed \(seed): \(message) was received at \(clock.now)"
        )
        message.count += 1
        #expect(Int(one.entry.receiveCount) == message.count, "seed \(seed): \(body)")
        message.visibleAt = clock.now + UInt64(visibility) * 1_000_000_000
        message.handle = one.handle
        handles.append((one.handle, body))
        messages[body] = message
    }

    /// Finds what went to the dead letters, or away because its time is over.
    private func noteMoves(_ before: [String: Message]) throws {
        let number = try service.queue(main).number
        let left = Set(try scratch.store.ordinals(of: number, through: .max, maximum: .max))
        for (body, message) in before where !message.isDead && !message.isDeleted && !left.contains(message.ordinal) {
            if isExpired(message) {
                messages[body]?.isDeleted = true
                continue
            }
            #expect(
                message.count >= maximumReceives && message.visibleAt <= clock.now,
                "seed \(seed): \(message) moved"
            )
            messages[body]?.isDead = true
            messages[body]?.count = 0
            messages[body]?.handle = nil
            messages[body]?.visibleAt = 0
        }
    }

    private func delete(isCrashing: Bool) async throws {
        guard let (handle, body) = handles.randomElement(using: &random), let message = messages[body] else { return }
        let isCurrent = !message.isDeleted && message.handle == handle
        if isCrashing {
            // The process ends between the commit and what follows it.
            guard isCurrent else { return }
            _ = try await scratch.store.commit(.remove(queue: handle.queue, [handle.ordinal]))
        } else {
            let standing = try await scratch.delete([handle], from: message.isDead ? dead : main)
            let isDone = (standing == [.inFlight] || standing == [.lapsed]) == isCurrent
            // One that was deleted by a process that ended may still be held.
            #expect(isDone || message.isDeleted, "seed \(seed): \(message) \(handle)")
        }
        if isCurrent { messages[body]?.isDeleted = true }
    }

    private func changeVisibility() throws {
        guard let (handle, body) = handles.randomElement(using: &random), let message = messages[body] else { return }
        let seconds = [0, 3, 60].randomElement(using: &random) ?? 0
        let isInFlight = !message.isDeleted && message.handle == handle && message.visibleAt > clock.now
        let result = try service.changeVisibility([(handle, seconds)])
        // One that was deleted by a process that ended may still be held.
        if !message.isDeleted { #expect((result[0] == nil) == isInFlight, "seed \(seed): \(message) \(handle)") }
        if isInFlight { messages[body]?.visibleAt = clock.now + UInt64(seconds) * 1_000_000_000 }
    }

    /// Everything that isn't deleted is received in the end.
    private func drain() async throws {
        for _ in 0..<40 {
            clock.advance(seconds: retentionSeconds == 60 ? 1 : 70)
            for queue in [main, dead] {
                for _ in 0..<20 {
                    let before = messages
                    let received: [ReceivedMessage]
                    do throws(QueueError) {
                        received = try await service.receive(
                            from: queue,
                            maximum: 10,
                            visibilitySeconds: 30,
                            waitSeconds: 0
                        )
                    } catch {
                        // Fifty may be in flight here; their time comes with the clock.
                        #expect(error.code == .overLimit, "seed \(seed): \(error)")
                        break
                    }
                    for one in received { take(one, queue == dead, 30) }
                    try noteMoves(before)
                    _ = try await scratch.delete(received.map(\.handle), from: queue)
                    for one in received { messages[one.message.body]?.isDeleted = true }
                    if received.isEmpty { break }
                }
            }
        }
        let left = messages.values.filter { !$0.isDeleted && !isExpired($0) && $0.visibleAt <= clock.now }
        #expect(left.isEmpty, "seed \(seed): \(left) never came")
    }
}
