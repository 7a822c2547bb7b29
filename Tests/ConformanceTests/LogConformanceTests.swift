import ChangeQueue
import Glibc
import SluiceCore
import Synchronization
import TestSupport
import Testing

@Suite("Every log")
struct LogConformanceTests {
    @Test("numbers appended records without a hole and chains them by topic", arguments: Driver.allCases)
    func appends(driver: Driver) async throws {
        let log = try driver.log()
        #expect(try log.reading.lastSequence() == .none)
        let first = try await log.appending.append([draft("a", "1"), draft("b", "2"), draft("a", "3")])
        let second = try await log.appending.append([draft("a", "4")])
        #expect(first.map(\.sequence.rawValue) == [1, 2, 3])
        #expect(first.map(\.previous.rawValue) == [0, 0, 1])
        #expect(second.map(\.sequence.rawValue) == [4])
        #expect(second.map(\.previous.rawValue) == [3])
        #expect(first[0].committedAtNanoseconds > 0)
        #expect(try await log.appending.append([]).isEmpty)
    }

    @Test(
        "says of itself that it has been read, before the first append is asked for",
        .timeLimit(.minutes(1)),
        arguments: Driver.allCases
    )
    func isRead(driver: Driver) async throws {
        let log = try driver.log()
        while !log.reading.isLoaded { await Task.yield() }
        _ = try await log.appending.append([draft("a", "1")])
        #expect(log.reading.isLoaded)
    }

    @Test("gives back what was appended, and a topic's head and the last number with it", arguments: Driver.allCases)
    func reads(driver: Driver) async throws {
        let log = try driver.log()
        _ = try await log.appending.append([draft("a", "1"), draft("b", "2"), draft("a", "3")])
        let record = try #require(try log.reading.record(at: SequenceNumber(3)))
        #expect(try record.topic == Topic("a"))
        #expect(record.payload == Array("3".utf8))
        #expect(record.previous == SequenceNumber(1))
        let age = StageClock.wallNanoseconds() &- record.acceptedAtWallNanoseconds
        #expect(age < 60_000_000_000)
        #expect(try log.reading.record(at: SequenceNumber(4)) == nil)
        #expect(try log.reading.record(at: .none) == nil)
        #expect(try log.reading.head(of: Topic("a")) == SequenceNumber(3))
        #expect(try log.reading.head(of: Topic("none")) == .none)
        #expect(try log.reading.lastSequence() == SequenceNumber(3))
        #expect(try log.reading.usage().topics == 2)
        #expect(log.reading.logID != 0)
    }

    @Test("stores every record of many who append at once, in one chain", arguments: Driver.allCases)
    func appendsConcurrently(driver: Driver) async throws {
        let log = try driver.log()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<32 {
                group.addTask {
                    for round in 0..<20 { _ = try await log.appending.append([draft("t\((task + round) % 5)")]) }
                }
            }
            try await group.waitForAll()
        }
        let all = try log.records()
        #expect(all.map(\.sequence.rawValue) == Array(1...640))
        var heads: [Topic: SequenceNumber] = [:]
        for record in all {
            #expect(record.previous == heads[record.topic] ?? .none)
            heads[record.topic] = record.sequence
        }
        for (topic, head) in heads { #expect(try log.reading.head(of: topic) == head) }
    }

    @Test(
        "tells a client once a commit, in the order of its requests, and the hook before it",
        arguments: Driver.allCases
    )
    func callsBack(driver: Driver) async throws {
        let log = try driver.log()
        let commits = Mutex<[(first: UInt64, count: Int)]>([])
        log.appending.onCommit = { first, count, _ in commits.withLock { $0.append((first.rawValue, count)) } }
        let client = RecordingClient()
        log.appending.submit(
            (1...100).map { (token: $0, request: .records([draft("t\($0 % 3)")])) },
            for: client
        )
        let outcomes = await client.outcomes(100)
        #expect(client.received.count == 1)
        #expect(outcomes.map(\.token) == Array(1...100))
        #expect(commits.withLock { $0.map(\.count) } == [100])
        #expect(commits.withLock { $0.first?.first } == 1)
    }

    @Test("refuses an oversize record alone, and a unit with one whole", arguments: Driver.allCases)
    func refusesOversize(driver: Driver) async throws {
        let log = try driver.log { $0.maximumPayloadBytes = 10 }
        let client = RecordingClient()
        log.appending.submit(
            [
                (1, .records([draft("a")])),
                (2, .records([draft("a"), draft("a", "12345678901"), draft("a")])),
                (3, .records([draft("a")])),
            ],
            for: client
        )
        let results = await client.outcomes(3).map(\.result)
        #expect(try results[0].get().first?.sequence == SequenceNumber(1))
        #expect { try results[1].get() } throws: { ($0 as? ChangeQueueError)?.code == .payloadTooLarge }
        #expect(try results[2].get().first?.sequence == SequenceNumber(2))
        #expect(try results[2].get().first?.previous == SequenceNumber(1))
        #expect(try log.records().count == 2)
    }

    @Test(
        "refuses a new topic beyond the limit; known ones and the commit's other requests go on",
        arguments: Driver.allCases
    )
    func refusesTopics(driver: Driver) async throws {
        let log = try driver.log { $0.maximumTopics = 2 }
        _ = try await log.appending.append([draft("a"), draft("b")])
        let client = RecordingClient()
        log.appending.submit([(1, .records([draft("a"), draft("c")])), (2, .records([draft("b")]))], for: client)
        let results = await client.outcomes(2).map(\.result)
        #expect { try results[0].get() } throws: { ($0 as? ChangeQueueError)?.code == .tooManyTopics }
        #expect(try results[1].get().first?.sequence == SequenceNumber(3))
        #expect(try results[1].get().first?.previous == SequenceNumber(2))
        #expect(try log.reading.head(of: Topic("c")) == .none)
    }

    @Test("refuses at once what would make more wait than may", arguments: Driver.allCases)
    func refusesOverload(driver: Driver) throws {
        let log = try driver.log { $0.maximumPendingBytes = 1_000 }
        let client = RecordingClient()
        log.appending.submit([(7, .records([draft("a", String(repeating: "1", count: 2_000))]))], for: client)
        let outcomes = client.received.flatMap { $0 }
        #expect(outcomes.map(\.token) == [7])
        #expect { try outcomes.first?.result.get() } throws: { ($0 as? ChangeQueueError)?.code == .overloaded }
    }

    @Test("answers what waits when it is shut down, and refuses from then on", arguments: Driver.allCases)
    func shutsDown(driver: Driver) async throws {
        let log = try driver.log()
        let client = RecordingClient()
        log.appending.submit((1...50).map { (token: $0, request: .records([draft("a")])) }, for: client)
        log.appending.shutdown()
        #expect(client.received.flatMap { $0 }.count == 50)
        await #expect { try await log.appending.append([draft("a")]) } throws: {
            ($0 as? ChangeQueueError)?.code == .shuttingDown
        }
        log.appending.shutdown()
    }

    @Test("walks a topic's history, and tells what was trimmed before it", arguments: Driver.allCases)
    func walks(driver: Driver) async throws {
        let log = try driver.log()
        // Topic a has the odd numbers.
        for _ in 0..<5 { _ = try await log.appending.append([draft("a"), draft("b")]) }
        func history(after sequence: UInt64, _ limit: Int = 100) throws -> ([UInt64], [UInt64]?) {
            let head = try log.reading.head(of: Topic("a"))
            let history = try log.reading.history(
                from: head,
                after: SequenceNumber(sequence),
                maximumRecords: limit
            )
            return (history.sequences.map(\.rawValue), history.gap.map { [$0.from.rawValue, $0.to.rawValue] })
        }
        #expect(try history(after: 0) == ([1, 3, 5, 7, 9], nil))
        #expect(try history(after: 4) == ([5, 7, 9], nil))
        #expect(try history(after: 9) == ([], nil))
        #expect(try history(after: 0, 2) == ([7, 9], [1, 7]))
        try log.trim(before: 5)
        #expect(try history(after: 3) == ([5, 7, 9], nil))
        #expect(try history(after: 0) == ([5, 7, 9], [1, 5]))
        #expect(try log.reading.record(at: SequenceNumber(4)) == nil)
        #expect(try log.reading.lastSequence() == SequenceNumber(10))
        let next = try await log.appending.append([draft("a")])
        #expect(next.first?.previous == SequenceNumber(9))
    }

    @Test("walks long histories in slices, several at once", arguments: Driver.allCases)
    func walksInSlices(driver: Driver) async throws {
        let log = try driver.log()
        let count = ChainWalk.sliceRecords + 10
        _ = try await log.appending.append((0..<count).map { _ in draft("a") })
        _ = try await log.appending.append([draft("b")])
        var walks = try ["a", "b"].map { name in
            let head = try log.reading.head(of: Topic(name))
            return ChainWalk(head: head, after: .none, maximumRecords: 1_000_000)
        }
        try log.reading.advance(&walks)
        #expect(walks.map(\.isDone) == [false, false])
        try log.reading.advance(&walks)
        #expect(walks.map(\.isDone) == [true, true])
        #expect(walks.map(\.history.sequences.count) == [count, 1])
    }

    @Test("stores an item and its change record together", arguments: Driver.allCases)
    func writesItems(driver: Driver) async throws {
        let log = try driver.log()
        func write(_ operation: ItemWrite.Operation) -> ItemWrite {
            ItemWrite(table: "t", key: "k", operation: operation) { change throws(TopicError) in
                try Topic("t/k/\(change.rawValue)")
            }
        }
        let inserted = try await log.appending.write(write(.put(try ItemContent(Array(#"{"a":1}"#.utf8), .json))))
        #expect(inserted.operation == .insert)
        #expect(inserted.appended?.sequence == SequenceNumber(1))
        let patched = try await log.appending.write(write(.patch(try JSONMergePatch(Array(#"{"b":2}"#.utf8)))))
        #expect(patched.operation == .modify)
        let item = try #require(try log.reading.item(table: "t", key: "k"))
        #expect(String(decoding: item.value, as: UTF8.self) == #"{"a":1,"b":2}"#)
        #expect(item.version == SequenceNumber(2))
        #expect(try log.reading.record(at: SequenceNumber(2))?.topic == Topic("t/k/MODIFY"))
        let stale = ItemWrite.Operation.replace(try ItemContent([0x31], .json), ifVersion: SequenceNumber(1))
        await #expect { try await log.appending.write(write(stale)) } throws: {
            ($0 as? ChangeQueueError)?.code == .itemChanged
        }
        let removed = try await log.appending.write(write(.delete))
        #expect(removed.operation == .remove)
        #expect(try log.reading.item(table: "t", key: "k") == nil)
        #expect(try await log.appending.write(write(.delete)).operation == nil)
        #expect(try log.reading.lastSequence() == SequenceNumber(3))
        #expect { try log.reading.item(table: "", key: "k") } throws: {
            ($0 as? ChangeQueueError)?.code == .invalidItem
        }
    }

    @Test("works a large patch out, also while the item changes", arguments: Driver.allCases)
    func patchesLargeItems(driver: Driver) async throws {
        let log = try driver.log()
        let large = #"{"large":""# + String(repeating: "x", count: 100_000) + #""}"#
        let topic: @Sendable (ChangeOperation) throws(TopicError) -> Topic = { _ throws(TopicError) in try Topic("t") }
        let content = try ItemContent(Array(large.utf8), .json)
        _ = try await log.appending.write(ItemWrite(table: "t", key: "k", operation: .put(content), topic: topic))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let patch = try JSONMergePatch(Array(#"{"p\#(number)":1}"#.utf8))
                    _ = try await log.appending.write(
                        ItemWrite(table: "t", key: "k", operation: .patch(patch), topic: topic)
                    )
                }
            }
            try await group.waitForAll()
        }
        let item = try #require(try log.reading.item(table: "t", key: "k"))
        let value = try JSONValue(item.value)
        for number in 0..<4 { #expect(value[ByteString("p\(number)")]?.unsignedInteger == 1) }
        #expect(item.version == SequenceNumber(5))
    }

    @Test("wakes every bell with a commit, once for all rings, also a bell that came later", arguments: Driver.allCases)
    func rings(driver: Driver) async throws {
        let log = try driver.log()
        let bells = [try log.bell(), try log.bell()]
        for bell in bells { #expect(!isReadable(bell)) }
        _ = try await log.appending.append([draft("a")])
        for bell in bells { #expect(isReadable(bell)) }
        for _ in 0..<3 { log.signal.ring() }
        for bell in bells {
            #expect(isReadable(bell))
            #expect(bell.silence())
            #expect(!isReadable(bell))
            #expect(!bell.silence())
        }
        let late = try log.bell()
        log.signal.ring()
        #expect(isReadable(late))
        for _ in 0..<100_000 { log.signal.ring() }
        #expect(isReadable(bells[0]))
    }

    /// Whether whoever sleeps on the bell would wake up: a ring is there as soon as `ring()` has returned.
    private func isReadable(_ bell: any LogBell) -> Bool {
        guard let descriptor = try? bell.makeDescriptor() else { return false }
        defer { close(descriptor) }
        var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&readable, 1, 0) == 1
    }
}
