import ChangeQueue
import SluiceCore
import TestSupport
import Testing

@Suite("Every queue")
struct QueueConformanceTests {
    @Test(
        "records published before the first publisher started are received, whole and in order",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func receives(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(20)
        let queue = try log.queue(semantics)
        #expect(queue.id == semantics.queueID)
        let received = try queue.take()
        #expect(received.sequences == Array(1...20))
        #expect(received.allSatisfy { $0.receiveCount == 1 && $0.handle.sequence == $0.record.sequence })
        #expect(try received[9].record.decoded().topic == Topic("t2"))
        #expect(try queue.take().isEmpty)
        try await log.append(3)
        #expect(try queue.take().sequences == [21, 22, 23])
    }

    @Test(
        "a record that is committed while a receive looks is received, without another commit to remind it",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func receivesDuringCommits(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        let queue = try log.queue(semantics)
        let writer = log.appending
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
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func limits(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(10)
        let queue = try log.queue(semantics)
        #expect(try queue.take(0).isEmpty)
        #expect(try queue.take(3).sequences == [1, 2, 3])
        let bytes = EncodedRecord(try #require(try log.reading.record(at: SequenceNumber(4)))).bytes.count
        #expect(try queue.take(bytes: 2 * bytes).sequences == [4, 5])
        #expect(try queue.take(bytes: 2 * bytes - 1).sequences == [6])
        #expect(try queue.take(bytes: 1).sequences == [7])
        #expect(try queue.take().sequences == [8, 9, 10])
    }

    @Test(
        "a restart goes on where it was: what is retired stays retired, what was held is received again",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func restarts(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(10)
        do {
            let queue = try log.queue(semantics)
            let received = try queue.take(8)
            try queue.retire(Array(received.prefix(5)))
            try queue.close()
        }
        let queue = try log.queue(semantics)
        let again = try queue.take()
        #expect(again.sequences == [6, 7, 8, 9, 10])
        #expect(again.map(\.receiveCount) == [2, 2, 2, 1, 1])
        try queue.retire(again)
        #expect(try queue.figures() == [0, 0, 0])
        try queue.close()
    }

    @Test(
        "a publisher that is killed between receive and retire leaves its records to the next one at once",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func takesOver(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(6)
        do {
            let killed = try log.queue(semantics)
            let received = try killed.take()
            try killed.retire(Array(received.prefix(2)))
        }
        let queue = try log.queue(semantics)
        #expect(try queue.take().sequences == [3, 4, 5, 6])
    }

    @Test(
        "a publisher that lives takes over at its next heartbeat",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func takesOverAlive(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        var killed: (any ChangeQueue)? = try log.queue(semantics)
        let queue = try log.queue(semantics)
        try await log.append(6)
        #expect(try killed?.take().count == 6)
        #expect(try queue.take().isEmpty)
        killed = nil
        _ = try queue.heartbeat(nowNanoseconds: wall())
        #expect(try queue.take().sequences == Array(1...6))
    }

    @Test(
        "a publisher that hangs loses its records when the visibility timeout is over; its handles are stale",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func timesOut(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        let hung = try log.queue(semantics)
        try await log.append(4)
        let now = wall()
        // The shards' leases begin here, however long a busy machine took to come here.
        _ = try hung.heartbeat(nowNanoseconds: now)
        let held = try hung.take(at: now)
        #expect(held.count == 4)
        let queue = try log.queue(semantics)
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

    @Test(
        "a publisher that shows life keeps what it holds for as long as it likes",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func keeps(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        let slow = try log.queue(semantics)
        let other = try log.queue(semantics)
        try await log.append(4)
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

    @Test(
        "two publishers share the work, and no record is handed out twice",
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func shares(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        let queues = [try log.queue(semantics), try log.queue(semantics)]
        for _ in 0..<3 { for queue in queues { _ = try queue.heartbeat(nowNanoseconds: wall()) } }
        try await log.append(400)
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
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func retries(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(3)
        let queue = try log.queue(semantics)
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
        arguments: Driver.allCases,
        QueueSemantics.allCases
    )
    func trims(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(20)
        let queue = try log.queue(semantics)
        let held = try queue.take(5)
        try log.trim(before: 11)
        #expect(try queue.figures() == [10, 0, 0])
        #expect(try queue.take(2).sequences == [11, 12])
        // With leases, what was held when it was trimmed counts too: it may have been lost.
        #expect(queue.trimmedRecords == (semantics == .stream ? 5 : 10))
        try queue.retire(held)
        #expect(try queue.figures() == [8, 2, 0])
        try queue.retry(held)
        let rest = try queue.take()
        #expect(rest.sequences == Array(13...20))
    }

    @Test("handles from nowhere, and none at all, do no harm", arguments: Driver.allCases, QueueSemantics.allCases)
    func staleHandles(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(3)
        let queue = try log.queue(semantics)
        try queue.retire([ReceivedRecord]())
        for receive: UInt64 in [0, 1, 255, 256, 0xFFFF, .max] {
            let foreign = [0, 1, 2, 99, .max].map { ReceiptHandle(sequence: SequenceNumber($0), receive: receive) }
            try queue.retire(foreign, nowNanoseconds: wall())
            try queue.retry(foreign, after: .seconds(-1), nowNanoseconds: wall())
            try queue.retry(foreign, after: .seconds(Int64.max), nowNanoseconds: wall())
        }
        #expect(try queue.take().count == 3)
    }

    @Test("the three semantics are consumers of their own", arguments: Driver.allCases, QueueSemantics.allCases)
    func areApart(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        try await log.append(5)
        let queue = try log.queue(semantics)
        try queue.retire(try queue.take())
        for other in QueueSemantics.allCases where other != semantics {
            #expect(try log.queue(other).figures() == [5, 0, 0])
        }
    }

    @Test("a queue is of one kind for ever", arguments: Driver.allCases, QueueKind.allCases)
    func keepsKind(driver: Driver, kind: QueueKind) async throws {
        let log = try driver.log()
        let queue = try QueueID("orders")
        try await log.append(3)
        do {
            let opened = try log.queue(queue, QueueAttributes(kind: kind))
            _ = try opened.take(1)
            try opened.close()
        }
        let other: QueueKind = kind == .standard ? .stream : .standard
        #expect {
            try log.queue(queue, QueueAttributes(kind: other))
        } throws: { error in
            let error = error as? ChangeQueueError
            return error?.code == .cannotOpen && error?.message.contains("is of kind \(kind.rawValue)") == true
        }
    }

    @Test("a heartbeat says how long nothing comes by itself", arguments: Driver.allCases, [QueueSemantics.sqs, .sns])
    func saysWait(driver: Driver, semantics: QueueSemantics) async throws {
        let log = try driver.log()
        let queue = try log.queue(semantics)
        let now = wall()
        #expect(try queue.heartbeat(nowNanoseconds: now) == .seconds(30))
        try await log.append(2)
        #expect(try queue.heartbeat(nowNanoseconds: now) == .zero)
        let received = try queue.take(at: now)
        try queue.retry(received, after: .seconds(7), at: now)
        #expect(try queue.heartbeat(nowNanoseconds: now) == .seconds(7))
        #expect(try queue.heartbeat(nowNanoseconds: now + 8_000_000_000) == .zero)
    }

    @Test(
        "queues over one log have leases, a position, receive counts and a visibility timeout of their own",
        arguments: Driver.allCases
    )
    func queuesAreApart(driver: Driver) async throws {
        let log = try driver.log()
        let now = wall()
        var attributes = QueueAttributes()
        attributes.visibilityTimeout = .seconds(2)
        let one = try log.queue(try QueueID("fast"), attributes)
        attributes.visibilityTimeout = .seconds(60)
        let other = try log.queue(try QueueID("slow"), attributes)
        try await log.append(6)
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
    }

    @Test("a publisher that pushes gives new records at once, and retries ever more seldom", arguments: Driver.allCases)
    func pushes(driver: Driver) async throws {
        let log = try driver.log()
        let queue = try log.queue(.sns)
        try await log.append(1)
        var now = wall()
        for attempt in 1...4 {
            let received = try queue.take(at: now)
            #expect(received.sequences == [1])
            #expect(received.map(\.receiveCount) == [attempt])
            try queue.retry(received, at: now)
            let wait = UInt64(100_000_000) << UInt64(attempt - 1)
            #expect(try queue.take(at: now + wait - 1).isEmpty)
            #expect(try queue.figures(at: now + wait - 1) == [0, 0, 1])
            now += wait
        }
        try await log.append(1)
        #expect(try queue.take(1, at: now).sequences == [1])
        #expect(try queue.take(1, at: now).sequences == [2])
    }

    @Test("no more than may be in flight are handed out", arguments: Driver.allCases)
    func boundsInFlight(driver: Driver) async throws {
        let log = try driver.log()
        var attributes = QueueAttributes()
        attributes.maximumInFlight = 3
        let queue = try log.queue(try QueueID("small"), attributes)
        try await log.append(5)
        let received = try queue.take()
        #expect(received.sequences == [1, 2, 3])
        #expect(try queue.take().isEmpty)
        try queue.retire([received[1]])
        #expect(try queue.take().sequences == [4])
    }

    @Test("a shard is delivered in order: what failed holds up what comes after it", arguments: Driver.allCases)
    func failsInOrder(driver: Driver) async throws {
        let log = try driver.log()
        let queue = try log.queue(.stream)
        _ = try await log.appending.append([draft("a"), draft("a"), draft("a")])
        let now = wall()
        let received = try queue.take(at: now)
        #expect(received.sequences == [1, 2, 3])
        try queue.retry([received[1]], after: .seconds(1), at: now)
        _ = try await log.appending.append([draft("a")])
        try queue.retire([received[0]])
        // The third has no answer yet.
        #expect(try queue.take(at: now + 2_000_000_000).isEmpty)
        try queue.retire([received[2]])
        #expect(try queue.take(at: now + 500_000_000).isEmpty)
        let again = try queue.take(at: now + 2_000_000_000)
        #expect(again.sequences == [2, 3, 4])
        #expect(again.map(\.receiveCount) == [2, 2, 1])
        try queue.retire(again)
        #expect(try queue.figures() == [0, 0, 0])
    }
}
