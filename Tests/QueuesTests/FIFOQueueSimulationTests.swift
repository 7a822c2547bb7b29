import ChangeQueue
import Foundation
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import QueueEngine
@testable import Queues

/// Goal: whatever receivers, clocks and crashes do, a FIFO queue hands out the messages of each group in the order in which they were sent, none of a
/// group that has one in flight, none twice that was sent twice, and moves them to the dead letters without changing a group's order. Method: random
/// histories against a simple model. `SLUICE_HISTORIES=10000` runs as many.
@Suite("FIFO queues against a model")
struct FIFOQueueSimulationTests {
    private static let histories = Int(ProcessInfo.processInfo.environment["SLUICE_HISTORIES"] ?? "") ?? 100

    @Test("hold over random histories with crashes")
    func random() async throws {
        let first = UInt64.random(in: .min ... .max)
        print("FIFOQueueSimulationTests.random first seed \(first), \(FIFOQueueSimulationTests.histories) histories")
        for number in 0..<FIFOQueueSimulationTests.histories {
            try await FIFOHistory(seed: first &+ UInt64(number), name: "q\(number)").run()
        }
    }
}

/// One history.
private final class FIFOHistory {
    private struct Message {
        let body: String
        let group: ByteString
        let ordinal: UInt64
        let id: MessageID
        let sentAt: UInt64
        var visibleAt: UInt64
        var count = 0
        var handle: MessageHandle?
        var isHeld = false
    }

    private let seed: UInt64
    private var random: SeededGenerator
    private let clock = WallClock()
    private let scratch: QueueScratch
    private let (main, dead): (QueueID, QueueID)
    private let maximumReceives: Int
    private let delaySeconds: Int
    private let isScopedByGroup: Bool
    /// What isn't deleted, a queue and group, in order.
    private var groups: [QueueID: [ByteString: [Message]]] = [:]
    private var handles: [(handle: MessageHandle, body: String, queue: QueueID)] = []
    private var sent: [ByteString: (at: UInt64, place: MessagePlace)] = [:]
    private var bodies = 0

    init(seed: UInt64, name: String) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        scratch = try QueueScratch(isInMemory: true, clock: clock)
        (main, dead) = (QueueID(alreadyChecked: name + ".fifo"), QueueID(alreadyChecked: name + "-dead.fifo"))
        maximumReceives = Int.random(in: 1...4, using: &random)
        delaySeconds = Int.random(in: 0..<3, using: &random) == 0 ? 5 : 0
        isScopedByGroup = Bool.random(using: &random)
    }

    private var service: MessageQueueService { scratch.service }

    func run() async throws {
        let policy = RedrivePolicy(deadLetterQueue: dead, maximumReceives: maximumReceives)
        _ = try await service.create(dead, [(name: "FifoQueue", value: "true")], tags: [])
        _ = try await service.create(
            main,
            [
                (name: "RedrivePolicy", value: policy.json), (name: "FifoQueue", value: "true"),
                (name: "DelaySeconds", value: "\(delaySeconds)"),
                (name: "DeduplicationScope", value: isScopedByGroup ? "messageGroup" : "queue"),
            ],
            tags: []
        )
        for _ in 0..<80 { try await step() }
        try await drain()
    }

    private func step() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: try await send()
        case 25..<55: try await receive(from: Int.random(in: 0..<5, using: &random) == 0 ? dead : main)
        case 55..<75: try await delete(isCrashing: Int.random(in: 0..<8, using: &random) == 0)
        case 75..<83: try changeVisibility()
        case 83..<95: clock.advance(seconds: .random(in: 0...12, using: &random))
        case 95: clock.advance(seconds: 301)
        case 96..<98: try scratch.restart()
        default:
            try scratch.restart(losingReceives: true)
            forgetReceives()
        }
        if Int.random(in: 0..<10, using: &random) == 0 { try checkFigures() }
    }

    private func forgetReceives() {
        change { message in
            message.count = 0
            message.handle = nil
            message.isHeld = false
            message.visibleAt = min(message.visibleAt, message.sentAt + UInt64(delaySeconds) * 1_000_000_000)
        }
    }

    private func change(_ body: (inout Message) -> Void) {
        for queue in [main, dead] {
            for group in (groups[queue] ?? [:]).keys {
                for index in (groups[queue]?[group] ?? []).indices {
                    body(&groups[queue, default: [:]][group, default: []][index])
                }
            }
        }
    }

    private func send() async throws {
        let now = clock.now
        let messages = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            bodies += 1
            let group = ByteString("g\(Int.random(in: 0..<4, using: &random))")
            let id =
                Int.random(in: 0..<3, using: &random) == 0 ? "d\(Int.random(in: 0..<3, using: &random))" : "b\(bodies)"
            return QueueMessage(
                "\(bodies)",
                at: now,
                delaySeconds: delaySeconds,
                group: group,
                deduplicationID: ByteString(id)
            )
        }
        let places = try await service.send(messages, to: main)
        for (message, place) in zip(messages, places) {
            let group = message.groupID ?? ""
            let key = ByteString("\(isScopedByGroup ? group : "")/\(message.deduplicationID ?? "")")
            if let known = sent[key], now < known.at + 300_000_000_000 {
                #expect(
                    place.isDuplicate && place.id == known.place.id && place.ordinal == known.place.ordinal,
                    "seed \(seed): \(key) \(place) is known as \(known)"
                )
                continue
            }
            #expect(!place.isDuplicate && place.id == message.id, "seed \(seed): \(key) isn't known")
            sent[key] = (now, place)
            groups[main, default: [:]][group, default: []].append(
                Message(
                    body: message.body,
                    group: group,
                    ordinal: place.ordinal,
                    id: place.id,
                    sentAt: now,
                    visibleAt: message.visibleAtNanoseconds
                )
            )
        }
    }

    private func receive(from queue: QueueID) async throws {
        let maximum = Int.random(in: 1...10, using: &random)
        let visibility = [0, 1, 10, 30].randomElement(using: &random) ?? 0
        let isRepeated = Int.random(in: 0..<6, using: &random) == 0
        let attempt = isRepeated ? ByteString("a\(bodies)-\(Int.random(in: 0..<1_000_000, using: &random))") : nil
        let received: [ReceivedMessage]
        do throws(QueueError) {
            received = try await service.receive(
                from: queue,
                maximum: maximum,
                visibilitySeconds: visibility,
                waitSeconds: 0,
                attemptID: attempt
            )
        } catch {
            #expect(error.code == .overLimit, "seed \(seed): \(error)")
            return
        }
        let moved = try noteDeadLetters()
        check(received, from: queue, maximum: maximum, moved)
        take(received, from: queue, visibility)
        guard isRepeated, !received.isEmpty, visibility > 0 else { return }
        let again = try await service.receive(
            from: queue,
            maximum: maximum,
            visibilitySeconds: visibility,
            waitSeconds: 0,
            attemptID: attempt
        )
        #expect(again.map(\.handle) == received.map(\.handle), "seed \(seed): another answer to the same attempt")
    }

    /// Each group's messages come from its head on, in order, and nothing that can be received is passed over.
    private func check(_ received: [ReceivedMessage], from queue: QueueID, maximum: Int, _ moved: Set<ByteString>) {
        let now = clock.now
        var taken: [ByteString: Int] = [:]
        for one in received {
            let group = one.message.groupID ?? ""
            let messages = groups[queue]?[group] ?? []
            let index = taken[group, default: 0]
            #expect(!messages.contains { $0.isHeld && $0.visibleAt > now }, "seed \(seed): \(group) has one in flight")
            guard index < messages.count else {
                Issue.record("seed \(seed): \(one.message.body) of \(group) came, but there is no such message")
                continue
            }
            let expected = messages[index]
            #expect(
                expected.body == one.message.body && expected.visibleAt <= now,
                "seed \(seed): \(one.message.body) of \(group) came at \(now), next is \(expected)"
            )
            #expect(Int(one.entry.receiveCount) == expected.count + 1, "seed \(seed): \(expected)")
            taken[group] = index + 1
        }
        guard received.count < maximum else { return }
        for (group, messages) in groups[queue] ?? [:] where taken[group] == nil && !moved.contains(group) {
            let isBlocked = messages.contains { $0.isHeld && $0.visibleAt > now }
            guard let first = messages.first, !isBlocked, first.visibleAt <= now else { continue }
            Issue.record("seed \(seed): \(first) of \(group) was passed over at \(now)")
        }
    }

    private func take(_ received: [ReceivedMessage], from queue: QueueID, _ visibility: Int) {
        for one in received {
            let group = one.message.groupID ?? ""
            guard let index = groups[queue]?[group]?.firstIndex(where: { $0.body == one.message.body }) else {
                continue
            }
            groups[queue]?[group]?[index].count += 1
            groups[queue]?[group]?[index].isHeld = true
            groups[queue]?[group]?[index].handle = one.handle
            groups[queue]?[group]?[index].visibleAt = clock.now + UInt64(visibility) * 1_000_000_000
            handles.append((one.handle, one.message.body, queue))
        }
    }

    /// Finds what has moved to the dead letters: each group's in its order.
    /// - Returns: the groups of which some have: what is behind those may wait for the next receive.
    @discardableResult
    private func noteDeadLetters() throws -> Set<ByteString> {
        var moved: Set<ByteString> = []
        let number = try service.queue(main).number
        let left = Set(try scratch.store.ordinals(of: number, through: .max, maximum: .max))
        for group in (groups[main] ?? [:]).keys.sorted() {
            let gone = (groups[main]?[group] ?? []).filter { !left.contains($0.ordinal) }
            for var message in gone {
                #expect(message.count >= maximumReceives, "seed \(seed): \(message) moved")
                moved.insert(group)
                message = Message(
                    body: message.body,
                    group: group,
                    ordinal: 0,
                    id: message.id,
                    sentAt: message.sentAt,
                    visibleAt: 0
                )
                groups[dead, default: [:]][group, default: []].append(message)
            }
            groups[main]?[group]?.removeAll { !left.contains($0.ordinal) }
        }
        return moved
    }

    private func delete(isCrashing: Bool) async throws {
        guard let (handle, body, queue) = handles.randomElement(using: &random) else { return }
        let message = groups[queue]?.values.joined().first { $0.body == body && $0.handle == handle }
        let isCurrent = message.map { $0.isHeld && $0.visibleAt > clock.now } ?? false
        if isCrashing {
            // The process ends between the commit and what follows it: the group waits for the visibility timeout.
            guard isCurrent, let message else { return }
            _ = try await scratch.store.commit(.remove(queue: handle.queue, [handle.ordinal]))
            try scratch.store.forget(queue: handle.queue, [handle.ordinal])
            remove(message, from: queue)
            return
        }
        let standing = try await scratch.delete([handle], from: queue)
        #expect((standing == [.inFlight]) == isCurrent, "seed \(seed): \(String(describing: message)) \(standing)")
        if isCurrent, let message { remove(message, from: queue) }
    }

    private func remove(_ message: Message, from queue: QueueID) {
        groups[queue]?[message.group]?.removeAll { $0.body == message.body }
    }

    private func changeVisibility() throws {
        guard let (handle, body, queue) = handles.randomElement(using: &random) else { return }
        let seconds = [0, 3, 60].randomElement(using: &random) ?? 0
        let message = groups[queue]?.values.joined().first { $0.body == body && $0.handle == handle }
        let isInFlight = message.map { $0.isHeld && $0.visibleAt > clock.now } ?? false
        let result = try service.changeVisibility([(handle, seconds)])
        #expect((result[0] == nil) == isInFlight, "seed \(seed): \(String(describing: message))")
        guard isInFlight, let message, let index = groups[queue]?[message.group]?.firstIndex(where: { $0.body == body })
        else { return }
        groups[queue]?[message.group]?[index].visibleAt = clock.now + UInt64(seconds) * 1_000_000_000
    }

    private func checkFigures() throws {
        let figures = try service.figures(of: service.queue(main))
        let all = (groups[main] ?? [:]).values.joined()
        let inFlight = all.count { $0.isHeld && $0.visibleAt > clock.now }
        let delayed = all.count { !$0.isHeld && $0.visibleAt > clock.now }
        #expect(
            figures.inFlight == inFlight && figures.delayed == delayed
                && figures.visible == all.count - inFlight - delayed,
            "seed \(seed): \(figures), but \(inFlight) in flight and \(delayed) delayed of \(all.count)"
        )
    }

    /// Everything that isn't deleted is received in the end.
    private func drain() async throws {
        for _ in 0..<60 {
            clock.advance(seconds: 70)
            for queue in [main, dead] {
                for _ in 0..<20 {
                    let received = try await service.receive(
                        from: queue,
                        maximum: 10,
                        visibilitySeconds: 30,
                        waitSeconds: 0
                    )
                    let moved = try noteDeadLetters()
                    check(received, from: queue, maximum: 10, moved)
                    take(received, from: queue, 30)
                    let standing = try await scratch.delete(received.map(\.handle), from: queue)
                    #expect(standing.allSatisfy { $0 == .inFlight }, "seed \(seed): \(standing)")
                    for one in received {
                        groups[queue]?[one.message.groupID ?? ""]?.removeAll { $0.body == one.message.body }
                    }
                    if received.isEmpty { break }
                }
            }
        }
        let left = groups.values.flatMap { $0.values.joined() }
        #expect(left.isEmpty, "seed \(seed): \(left) never came")
        let queue = try service.queue(main)
        #expect(try service.figures(of: queue) == MessageQueueFigures(), "seed \(seed): something is left")
    }
}
