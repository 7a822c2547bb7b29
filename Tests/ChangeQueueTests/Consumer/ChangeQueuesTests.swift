import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ChangeQueues")
struct ChangeQueuesTests {
    let scratch: ConsumerScratch

    init() throws { scratch = try ConsumerScratch() }

    @Test(
        "records published before the first publisher started are received, whole and in order",
        arguments: QueueSemantics.allCases
    )
    func receives(semantics: QueueSemantics) async throws {
        try await scratch.append(20)
        let queue = try scratch.open(semantics)
        #expect(queue.id == semantics.queueID)
        let received = try queue.take()
        #expect(received.sequences == Array(1...20))
        #expect(received.allSatisfy { $0.receiveCount == 1 && $0.handle.sequence == $0.record.sequence })
        #expect(try received[9].record.decoded().topic == Topic("t2"))
        #expect(try queue.take().isEmpty)
        try await scratch.append(3)
        #expect(try queue.take().sequences == [21, 22, 23])
    }

    @Test(
        "a record that is committed while a receive looks is received, without another commit to remind it",
        arguments: QueueSemantics.allCases
    )
    func receivesDuringCommits(semantics: QueueSemantics) async throws {
        let queue = try scratch.open(semantics)
        let writer = scratch.writer
        var received = 0
        for count in 1...100 {
            // The receive is tried all through the commit, also while its last page is being synced.
            async let appended = writer.append([draft("t")])
            for _ in 0..<200 { received += try queue.take().count }
            _ = try await appended
            received += try queue.take().count
            try #require(received == count)
        }
    }

    @Test(
        "a receive ends at its limit of records or of bytes, but has one record at least",
        arguments: QueueSemantics.allCases
    )
    func limits(semantics: QueueSemantics) async throws {
        try await scratch.append(10)
        let queue = try scratch.open(semantics)
        #expect(try queue.take(0).isEmpty)
        #expect(try queue.take(3).sequences == [1, 2, 3])
        let bytes = try #require(try scratch.log.reader.encodedRecord(at: SequenceNumber(4))).bytes.count
        #expect(try queue.take(bytes: 2 * bytes).sequences == [4, 5])
        #expect(try queue.take(bytes: 2 * bytes - 1).sequences == [6])
        #expect(try queue.take(bytes: 1).sequences == [7])
        #expect(try queue.take().sequences == [8, 9, 10])
    }

    @Test(
        "a restart goes on where it was: what is retired stays retired, what was held is received again",
        arguments: QueueSemantics.allCases
    )
    func restarts(semantics: QueueSemantics) async throws {
        try await scratch.append(10)
        do {
            let queue = try scratch.open(semantics)
            let received = try queue.take(8)
            try queue.retire(Array(received.prefix(5)))
            try queue.close()
        }
        let queue = try scratch.open(semantics)
        let again = try queue.take()
        #expect(again.sequences == [6, 7, 8, 9, 10])
        #expect(again.map(\.receiveCount) == [2, 2, 2, 1, 1])
        try queue.retire(again)
        #expect(try queue.figures() == [0, 0, 0])
        try queue.close()
    }

    @Test(
        "a publisher that is killed between receive and retire leaves its records to the next one at once",
        arguments: QueueSemantics.allCases
    )
    func takesOver(semantics: QueueSemantics) async throws {
        try await scratch.append(6)
        do {
            let killed = try scratch.open(semantics)
            let received = try killed.take()
            try killed.retire(Array(received.prefix(2)))
        }
        let queue = try scratch.open(semantics)
        #expect(try queue.take().sequences == [3, 4, 5, 6])
    }

    @Test("a publisher that lives takes over at its next heartbeat", arguments: QueueSemantics.allCases)
    func takesOverAlive(semantics: QueueSemantics) async throws {
        let store = try scratch.openStore()
        var killed: (any ChangeQueue)? = try scratch.open(semantics, store)
        let queue = try scratch.open(semantics, store)
        try await scratch.append(6)
        #expect(try killed?.take().count == 6)
        #expect(try queue.take().isEmpty)
        killed = nil
        _ = try queue.heartbeat(nowNanoseconds: wall())
        #expect(try queue.take().sequences == Array(1...6))
        #expect(semantics == .stream || scratch.messages.all.contains("notice: took over what a dead publisher held"))
    }

    @Test(
        "a publisher that hangs loses its records when the visibility timeout is over; its handles are stale",
        arguments: QueueSemantics.allCases
    )
    func timesOut(semantics: QueueSemantics) async throws {
        let store = try scratch.openStore()
        let hung = try scratch.open(semantics, store)
        try await scratch.append(4)
        let now = wall()
        // The shards' leases begin here, however long a busy machine took to come here.
        _ = try hung.heartbeat(nowNanoseconds: now)
        let held = try hung.take(at: now)
        #expect(held.count == 4)
        let queue = try scratch.open(semantics, store)
        let before = now + 29_000_000_000
        _ = try queue.heartbeat(nowNanoseconds: before)
        #expect(try queue.take(at: before).isEmpty)
        let after = now + 31_000_000_000
        _ = try queue.heartbeat(nowNanoseconds: after)
        let taken = try queue.take(at: after)
        #expect(taken.sequences == [1, 2, 3, 4])
        try hung.retire(held.map(\.handle), nowNanoseconds: after)
        try hung.retry(held.map(\.handle), after: .zero, nowNanoseconds: after)
        #expect(try queue.figures(at: after) == [0, 4, 0])
        try queue.retire(taken.map(\.handle), nowNanoseconds: after)
        #expect(try queue.figures(at: after) == [0, 0, 0])
    }

    @Test("a publisher that shows life keeps what it holds for as long as it likes", arguments: QueueSemantics.allCases)
    func keeps(semantics: QueueSemantics) async throws {
        let store = try scratch.openStore()
        let slow = try scratch.open(semantics, store)
        let other = try scratch.open(semantics, store)
        try await scratch.append(4)
        var now = wall()
        let held = try slow.take(at: now)
        for _ in 0..<100 {
            now += 1_000_000_000
            _ = try slow.heartbeat(nowNanoseconds: now)
            _ = try other.heartbeat(nowNanoseconds: now)
            #expect(try other.take(at: now).isEmpty)
        }
        try slow.retire(held.map(\.handle), nowNanoseconds: now)
        #expect(try slow.figures(at: now) == [0, 0, 0])
    }

    @Test("two publishers share the work, and no record is handed out twice", arguments: QueueSemantics.allCases)
    func shares(semantics: QueueSemantics) async throws {
        let store = try scratch.openStore()
        let queues = [try scratch.open(semantics, store), try scratch.open(semantics, store)]
        for _ in 0..<3 { for queue in queues { _ = try queue.heartbeat(nowNanoseconds: wall()) } }
        try await scratch.append(400)
        var received: [[UInt64]] = [[], []]
        for _ in 0..<30 {
            for (index, queue) in queues.enumerated() {
                let batch = try queue.take(16)
                received[index] += batch.sequences
                try queue.retire(batch)
            }
        }
        #expect((received[0] + received[1]).sorted() == Array(1...400))
        #expect(received.allSatisfy { $0.count > 100 }, "\(received.map(\.count))")
        #expect(received.allSatisfy { $0 == $0.sorted() })
    }

    @Test(
        "a record that is given back comes again when its time is over, not before",
        arguments: QueueSemantics.allCases
    )
    func retries(semantics: QueueSemantics) async throws {
        try await scratch.append(3)
        let queue = try scratch.open(semantics)
        let now = wall()
        let received = try queue.take(at: now)
        try queue.retry([received[1]], after: .seconds(2), at: now)
        try queue.retire([received[0], received[2]])
        #expect(try queue.take(at: now + 1_999_999_999).isEmpty)
        let again = try queue.take(at: now + 2_000_000_000)
        // The third record is of another topic and may be of another shard.
        #expect(again.sequences.first == 2)
        #expect(again.first?.receiveCount == 2)
        try queue.retire(again)
        #expect(try queue.figures() == [0, 0, 0])
    }

    @Test(
        "when the log was trimmed past what waits, it goes on at the oldest record that there is",
        arguments: QueueSemantics.allCases
    )
    func trims(semantics: QueueSemantics) async throws {
        try await scratch.append(20)
        let queue = try scratch.open(semantics)
        let held = try queue.take(5)
        try scratch.trim(before: 11)
        #expect(try queue.figures() == [10, 0, 0])
        #expect(try queue.take(2).sequences == [11, 12])
        // With leases, what was held when it was trimmed counts too: it may have been lost.
        #expect(queue.trimmedRecords == (semantics == .stream ? 5 : 10))
        #expect(scratch.messages.all.contains { $0.hasPrefix("warning: retention has trimmed records") })
        try queue.retire(held)
        #expect(try queue.figures() == [8, 2, 0])
        try queue.retry(held)
        let rest = try queue.take()
        #expect(rest.sequences == Array(13...20))
    }

    @Test("handles from nowhere, and none at all, do no harm", arguments: QueueSemantics.allCases)
    func staleHandles(semantics: QueueSemantics) async throws {
        try await scratch.append(3)
        let queue = try scratch.open(semantics)
        try queue.retire([ReceivedRecord]())
        for receive: UInt64 in [0, 1, 255, 256, 0xFFFF, .max] {
            let foreign = [0, 1, 2, 99, .max].map { ReceiptHandle(sequence: SequenceNumber($0), receive: receive) }
            try queue.retire(foreign, nowNanoseconds: wall())
            try queue.retry(foreign, after: .seconds(-1), nowNanoseconds: wall())
            try queue.retry(foreign, after: .seconds(Int64.max), nowNanoseconds: wall())
        }
        #expect(try queue.take().count == 3)
    }

    @Test("the three semantics are consumers of their own", arguments: QueueSemantics.allCases)
    func areApart(semantics: QueueSemantics) async throws {
        try await scratch.append(5)
        let store = try scratch.openStore()
        let queue = try scratch.open(semantics, store)
        try queue.retire(try queue.take())
        for other in QueueSemantics.allCases where other != semantics {
            #expect(try scratch.open(other, store).figures() == [5, 0, 0])
        }
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

    @Test("a queue is of one kind for ever", arguments: QueueKind.allCases)
    func keepsKind(kind: QueueKind) async throws {
        let queue = try QueueID("orders")
        try await scratch.append(3)
        do {
            let opened = try scratch.open(queue, QueueAttributes(kind: kind), try scratch.openStore())
            _ = try opened.take(1)
            try opened.close()
        }
        let other: QueueKind = kind == .standard ? .stream : .standard
        #expect {
            try scratch.open(queue, QueueAttributes(kind: other), try scratch.openStore())
        } throws: { error in
            let error = error as? ChangeQueueError
            return error?.code == .cannotOpen && error?.message.contains("is of kind \(kind.rawValue)") == true
        }
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

    @Test("a heartbeat says how long nothing comes by itself", arguments: [QueueSemantics.sqs, .sns])
    func saysWait(semantics: QueueSemantics) async throws {
        let queue = try scratch.open(semantics)
        let now = wall()
        #expect(try queue.heartbeat(nowNanoseconds: now) == .seconds(30))
        try await scratch.append(2)
        #expect(try queue.heartbeat(nowNanoseconds: now) == .zero)
        let received = try queue.take(at: now)
        try queue.retry(received, after: .seconds(7), at: now)
        #expect(try queue.heartbeat(nowNanoseconds: now) == .seconds(7))
        #expect(try queue.heartbeat(nowNanoseconds: now + 8_000_000_000) == .zero)
    }
}
