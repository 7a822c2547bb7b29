import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("QueueInspector")
struct QueueInspectorTests {
    let scratch: ConsumerScratch

    init() throws { scratch = try ConsumerScratch() }

    @Test("before any publisher has ever run everything is visible", arguments: QueueSemantics.allCases)
    func withoutConsumers(semantics: QueueSemantics) async throws {
        let inspector = scratch.inspector(semantics)
        #expect(try inspector.depth(nowNanoseconds: wall()).visible == 0)
        #expect(try inspector.peek(count: 5, nowNanoseconds: wall()).isEmpty)
        try await scratch.append(10)
        let depth = try inspector.depth(nowNanoseconds: wall() + 2_000_000_000)
        #expect(
            [depth.visible, depth.inFlight, depth.delayed, depth.deadLettered, depth.logRecords] == [10, 0, 0, 0, 10]
        )
        #expect(depth.queue == semantics.queueID)
        #expect(depth.lastSequence == SequenceNumber(10))
        #expect((2..<3_600).contains(depth.oldestAgeSeconds))
        #expect(depth.logBytes > 0 && depth.mapUsedBytes > 0 && depth.mapSizeBytes == 64 << 20)
    }

    @Test(
        "it shows what the publisher left, with the publisher gone and with its lock held",
        arguments: QueueSemantics.allCases
    )
    func afterPublisher(semantics: QueueSemantics) async throws {
        try await scratch.append(70)
        do {
            let queue = try scratch.open(semantics)
            try queue.retire(try queue.take(14))
            _ = try queue.take(7)
            #expect(try queue.figures() == [49, 7, 0])
        }
        // Nobody holds the seven records now: the next receive would return them.
        let inspector = scratch.inspector(semantics)
        let depth = try inspector.depth(nowNanoseconds: wall())
        #expect([depth.visible, depth.inFlight, depth.delayed] == [56, 0, 0])
        let withoutLocks = scratch.inspector(semantics, run: nil)
        #expect(throws: ChangeQueueError.self, "the state is open already") {
            try withoutLocks.depth(nowNanoseconds: wall())
        }
        withExtendedLifetime(inspector) {}
    }

    @Test(
        "what a dead publisher held counts as in flight where its lock can't be looked at",
        arguments: QueueSemantics.allCases
    )
    func withoutLocks(semantics: QueueSemantics) async throws {
        try await scratch.append(20)
        let now = wall()
        do { _ = try scratch.open(semantics).take(5, at: now) }
        let inspector = scratch.inspector(semantics, run: nil)
        var depth = try inspector.depth(nowNanoseconds: now)
        #expect([depth.visible, depth.inFlight] == [15, 5])
        depth = try inspector.depth(nowNanoseconds: now + 400_000_000_000)
        #expect([depth.visible, depth.inFlight] == [20, 0])
    }

    @Test("topics are counted, the largest first, and no more than asked for", arguments: QueueSemantics.allCases)
    func byTopic(semantics: QueueSemantics) async throws {
        _ = try await scratch.writer.append(["a", "b", "b", "c", "b", "c"].map { draft($0) })
        do {
            let queue = try scratch.open(semantics)
            let received = try queue.take()
            try queue.retire([received[0]])
            try queue.close()
        }
        let inspector = scratch.inspector(semantics)
        let topics = try inspector.depthByTopic(limit: 10, nowNanoseconds: wall())
        #expect(topics.map(\.topic.name) == ["b", "c"])
        #expect(topics.map(\.visible) == [3, 2])
        #expect(topics.map(\.inFlight) == [0, 0])
        #expect(try inspector.depthByTopic(limit: 1, nowNanoseconds: wall()).map(\.topic.name) == ["b"])
        #expect(try inspector.depthByTopic(limit: -1, nowNanoseconds: wall()).isEmpty)
    }

    @Test(
        "a peek shows the oldest records that aren't retired, with their state, and takes none",
        arguments: [QueueSemantics.sqs, .sns]
    )
    func peeks(semantics: QueueSemantics) async throws {
        try await scratch.append(10)
        let now = wall()
        do {
            let queue = try scratch.open(semantics)
            let received = try queue.take(4, at: now)
            try queue.retire([received[0]])
            try queue.retry([received[2]], after: .seconds(60), at: now)
        }
        let inspector = scratch.inspector(semantics, run: nil)
        for _ in 0..<2 {
            let peeked = try inspector.peek(count: 4, nowNanoseconds: now)
            #expect(peeked.map(\.record.sequence.rawValue) == [2, 3, 4, 5])
            #expect(peeked.map(\.state) == [.inFlight, .delayed, .inFlight, .visible])
            #expect(peeked.map(\.receiveCount) == [1, 1, 1, 0])
            #expect(peeked.first?.record.payload == Array("1".utf8))
        }
        #expect(try inspector.peek(count: 0, nowNanoseconds: now).isEmpty)
    }

    @Test("state that another boot left uncleanly isn't believed: what waits is counted from the checkpoint")
    func doesNotTrust() async throws {
        try await scratch.append(10)
        do {
            let queue = try scratch.open(.sqs, try scratch.openStore(bootID: "an earlier one"))
            try queue.retire(try queue.take(4))
            _ = try queue.heartbeat(nowNanoseconds: wall())
            try queue.retire(try queue.take(4))
        }
        #expect(try scratch.inspector(.sqs).depth(nowNanoseconds: wall()).visible == 6)
    }

    @Test("a directory without a log is refused")
    func refusesNothing() {
        #expect {
            try QueueInspector(dataDirectory: scratch.directory + "/none", queue: .sqs, kind: .standard)
        } throws: {
            ($0 as? ChangeQueueError)?.code == .cannotOpen
        }
    }
}
