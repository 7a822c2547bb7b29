import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ChangeQueues")
struct ChangeQueuesTests {
    let scratch: ConsumerScratch

    init() throws { scratch = try ConsumerScratch() }

    @Test(
        "a publisher that lives says so when it takes over what a dead one held",
        arguments: [QueueSemantics.sqs, .sns]
    )
    func saysTakeOver(semantics: QueueSemantics) async throws {
        let store = try scratch.openStore()
        var killed: (any ChangeQueue)? = try scratch.open(semantics, store)
        let queue = try scratch.open(semantics, store)
        try await scratch.append(6)
        #expect(try killed?.take().count == 6)
        killed = nil
        _ = try queue.heartbeat(nowNanoseconds: wall())
        #expect(scratch.messages.all.contains("notice: took over what a dead publisher held"))
    }

    @Test("records that were trimmed before they were delivered are said", arguments: QueueSemantics.allCases)
    func saysTrimmed(semantics: QueueSemantics) async throws {
        try await scratch.append(20)
        let queue = try scratch.open(semantics)
        _ = try queue.take(5)
        try scratch.trim(before: 11)
        _ = try queue.take(2)
        #expect(scratch.messages.all.contains { $0.hasPrefix("warning: retention has trimmed records") })
    }

    @Test(
        "two standard queues over one log have leases, a position, receive counts and a visibility timeout of their own"
    )
    func queuesAreApart() async throws {
        let (fast, slow) = (try QueueID("fast"), try QueueID("slow"))
        let now = wall()
        do {
            let store = try scratch.openStore()
            var attributes = QueueAttributes()
            attributes.visibilityTimeout = .seconds(2)
            let one = try scratch.open(fast, attributes, store)
            attributes.visibilityTimeout = .seconds(60)
            let other = try scratch.open(slow, attributes, store)
            try await scratch.append(6)
            let taken = try one.take(4, at: now)
            #expect(try other.figures(at: now) == [6, 0, 0])
            #expect(try other.take(2, at: now).sequences == [1, 2])
            try one.retire([taken[1]])
            // The handles of one mean nothing to the other.
            try other.retire([taken[0]])
            #expect(try one.figures(at: now) == [2, 3, 0])
            let later = now + 3_000_000_000
            #expect(try one.figures(at: later) == [5, 0, 0])
            #expect(try other.figures(at: later) == [4, 2, 0])
            let again = try one.take(at: later)
            #expect(again.sequences == [1, 3, 4, 5, 6])
            #expect(again.map(\.receiveCount) == [2, 2, 2, 1, 1])
            try scratch.trim(before: 4)
            #expect(try one.figures(at: later) == [0, 3, 0])
            #expect(try other.figures(at: later) == [3, 0, 0])
            _ = try one.heartbeat(nowNanoseconds: later)
            try one.retire(again)
            try one.close()
            try other.close()
        }
        #expect(DurableCheckpoint.read(scratch.consumers + "/checkpoint-fast.json")?.retiredThrough == 6)
        for (queue, visible) in [(fast, 0), (slow, 3)] as [(QueueID, UInt64)] {
            let inspector = QueueInspector(
                log: scratch.log,
                directory: scratch.consumers,
                run: scratch.run,
                queue: queue,
                kind: .standard
            )
            let depth = try inspector.depth(nowNanoseconds: now)
            #expect(depth.visible == visible)
            #expect(depth.queue == queue)
        }
    }

    @Test("the state of another log is discarded, of queues by any name")
    func discardsNamed() async throws {
        let queue = try QueueID("orders")
        do {
            let store = try scratch.openStore(logID: scratch.log.logID ^ 1)
            try await scratch.append(5)
            let opened = try scratch.open(queue, QueueAttributes(), store)
            for _ in 0..<3 { _ = try opened.take(1) }
        }
        do {
            let opened = try scratch.open(queue, QueueAttributes(), try scratch.openStore())
            #expect(try opened.figures() == [5, 0, 0])
            #expect(try opened.take().map(\.receiveCount) == [1, 1, 1, 1, 1])
        }
        // A lease of the other log that was left would overlap the new one here.
        #expect(try scratch.open(queue, QueueAttributes(), try scratch.openStore()).figures() == [5, 0, 0])
    }

    @Test("a queue's name can't be that of another database", arguments: ["meta", "heads"])
    func reservesNothing(name: String) async throws {
        let queue = try QueueID(ByteString(name))
        try await scratch.append(3)
        do {
            let opened = try scratch.open(queue, QueueAttributes(), try scratch.openStore())
            try opened.retire(try opened.take(1))
            _ = try opened.take(1)
        }
        #expect(try scratch.open(queue, QueueAttributes(), try scratch.openStore()).take().sequences == [2, 3])
    }
}
