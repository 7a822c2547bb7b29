import QueueEngine
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Reading a stream by iterators")
struct StreamReaderTests {
    let scratch: ConsumerScratch
    let reader: StreamReader

    init() throws {
        scratch = try ConsumerScratch()
        reader = StreamReader(scratch.log)
    }

    private func read(
        _ type: ShardIteratorType,
        hashes: HashRange = .all,
        filter: StreamFilter = StreamFilter()
    ) throws -> [UInt64] {
        let iterator = try reader.shardIterator(type, hashes: hashes, nowNanoseconds: wall())
        return try reader.records(iterator, filter: filter, nowNanoseconds: wall()).records.map(\.sequence.rawValue)
    }

    private func code(_ body: () throws -> Void) -> StreamError.Code? {
        do { try body() } catch let error as StreamError { return error.code } catch {}
        return nil
    }

    @Test("each type begins where its name says")
    func begins() async throws {
        #expect(try read(.trimHorizon).isEmpty && read(.latest).isEmpty)
        try await scratch.append(10)
        #expect(try read(.trimHorizon) == Array(1...10))
        #expect(try read(.latest).isEmpty)
        #expect(try read(.atSequenceNumber(SequenceNumber(4))) == Array(4...10))
        #expect(try read(.afterSequenceNumber(SequenceNumber(4))) == Array(5...10))
        #expect(try read(.afterSequenceNumber(SequenceNumber(10))).isEmpty)
        let time = try #require(try reader.acceptedAt(6))
        #expect(try read(.atTimestamp(nanoseconds: time)).last == 10)
        #expect(try read(.atTimestamp(nanoseconds: 0)) == Array(1...10))
        #expect(try read(.atTimestamp(nanoseconds: time + 3_600_000_000_000)).isEmpty)
        for type in [
            ShardIteratorType.atSequenceNumber(SequenceNumber(11)), .atSequenceNumber(.none),
            .afterSequenceNumber(SequenceNumber(11)),
        ] {
            #expect(code { _ = try read(type) } == .validation)
        }
    }

    @Test("pages follow one another without a seam, and say how far behind they are")
    func pages() async throws {
        try await scratch.append(25)
        var iterator = try reader.shardIterator(.trimHorizon, nowNanoseconds: wall())
        var seen: [UInt64] = []
        for _ in 0..<3 {
            let page = try reader.records(iterator, limit: 10, nowNanoseconds: wall() + 60_000_000_000)
            seen += page.records.map(\.sequence.rawValue)
            #expect(seen.count == 25 ? page.millisBehindLatest == 0 : page.millisBehindLatest >= 60_000)
            iterator = try ShardIterator(page.next.text)
            #expect(iterator == page.next)
        }
        #expect(seen == Array(1...25))
        try await scratch.append(2)
        #expect(try reader.records(iterator, nowNanoseconds: wall() + 60_000_000_000).records.count == 2)
    }

    @Test("a hash range has its topics only, and two halves have everything")
    func ranges() async throws {
        try await scratch.append(40)
        let (low, high) = try #require(HashRange.all.halves)
        let parts = try [low, high].map { try read(.trimHorizon, hashes: $0) }
        #expect((parts[0] + parts[1]).sorted() == Array(1...40))
        #expect(!parts[0].isEmpty && !parts[1].isEmpty)
    }

    @Test("a filter passes over what isn't wanted, and the next call goes on behind it")
    func filters() async throws {
        try await scratch.append(20)
        #expect(try read(.trimHorizon, filter: StreamFilter(topicPrefix: "t3")) == [4, 11, 18])
        #expect(try read(.trimHorizon, filter: StreamFilter(table: "orders")).isEmpty)
        let iterator = try reader.shardIterator(.trimHorizon, nowNanoseconds: wall())
        let page = try reader.records(iterator, filter: StreamFilter(topicPrefix: "x"), nowNanoseconds: wall())
        #expect(page.records.isEmpty && page.next.after == SequenceNumber(20))
    }

    @Test("an iterator ends after 15 minutes, when its place was trimmed, and with its log")
    func ends() async throws {
        try await scratch.append(10)
        let now = wall()
        let iterator = try reader.shardIterator(.afterSequenceNumber(SequenceNumber(3)), nowNanoseconds: now)
        let minutes: UInt64 = 60_000_000_000
        #expect(try reader.records(iterator, nowNanoseconds: now + 15 * minutes).records.count == 7)
        #expect(
            try reader.records(iterator, nowNanoseconds: now - 60 * minutes).records.count == 7,
            "a clock that was set back"
        )
        #expect(code { _ = try reader.records(iterator, nowNanoseconds: now + 15 * minutes + 1) } == .expiredIterator)
        try scratch.trim(before: 4)
        #expect(try reader.records(iterator, nowNanoseconds: now).records.count == 7)
        try scratch.trim(before: 5)
        #expect(code { _ = try reader.records(iterator, nowNanoseconds: now) } == .trimmedDataAccess)
        #expect(code { _ = try read(.atSequenceNumber(SequenceNumber(4))) } == .trimmedDataAccess)
        #expect(try read(.trimHorizon) == Array(5...10))
        for (logID, epochs) in [
            (scratch.log.logID &+ 1, scratch.log.epochs.text), (scratch.log.logID, LogEpoch.random().description),
        ] {
            let foreign = ShardIterator(
                logID: logID,
                epochs: epochs,
                hashes: .all,
                after: SequenceNumber(6),
                issuedAtNanoseconds: now
            )
            #expect(code { _ = try reader.records(foreign, nowNanoseconds: now) } == .resourceNotFound)
        }
    }

    @Test("a text that is no iterator is refused, whatever byte of one was changed")
    func refusesTexts() throws {
        let text = try reader.shardIterator(.trimHorizon, nowNanoseconds: wall()).text
        for index in text.utf8.indices {
            var bytes = Array(text.utf8)
            let offset = text.utf8.distance(from: text.utf8.startIndex, to: index)
            bytes[offset] = bytes[offset] == UInt8(ascii: "7") ? UInt8(ascii: "8") : UInt8(ascii: "7")
            #expect(code { _ = try ShardIterator(String(decoding: bytes, as: UTF8.self)) } == .validation)
        }
        for text in ["", "1", "1-2-3-4-5-6-7-8", String(repeating: "-", count: 5_000), "ünï-"] {
            #expect(code { _ = try ShardIterator(text) } == .validation)
        }
    }

    @Test("a search by time finds the first record that is young enough, also where a clock was set back a little")
    func searches() {
        var random = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<2_000 {
            let oldest = UInt64.random(in: 1...5, using: &random)
            var time: UInt64 = 1_000
            let times = (0..<Int.random(in: 0...60, using: &random)).map { _ -> UInt64 in
                time =
                    random.oneIn(10)
                    ? time - .random(in: 0...20, using: &random) : time + .random(in: 0...10, using: &random)
                return time
            }
            let wanted = UInt64.random(in: 980...max(time, 980) + 10, using: &random)
            let newest = oldest + UInt64(times.count) - 1
            var search = TimestampSearch(timeNanoseconds: wanted, oldest: oldest, newest: newest)
            var asked = 0
            while let sequence = search.wanted {
                search.found(timeNanoseconds: times[Int(sequence - oldest)])
                asked += 1
            }
            let first = times.firstIndex { $0 >= wanted }.map { oldest + UInt64($0) } ?? newest + 1
            #expect(search.result == first && asked <= 200)
        }
    }

    @Test("a group keeps its place over its readers, has one at a time, and is listed")
    func groups() async throws {
        try await scratch.append(10)
        let groups = ConsumerGroups(dataDirectory: scratch.directory)
        let id = QueueID(alreadyChecked: "audit")
        #expect(try groups.checkpoint(of: id) == nil)
        let iterator = try reader.shardIterator(.afterSequenceNumber(SequenceNumber(7)), nowNanoseconds: wall())
        do {
            let group = try groups.enter(id)
            #expect { try groups.enter(id) } throws: { ($0 as? ChangeQueueError)?.code == .locked }
            try group.save(GroupCheckpoint(iterator))
        }
        let checkpoint = try #require(try groups.checkpoint(of: id))
        #expect(checkpoint == GroupCheckpoint(iterator))
        let page = try reader.records(checkpoint.iterator(nowNanoseconds: wall()), nowNanoseconds: wall())
        #expect(page.records.map(\.sequence.rawValue) == [8, 9, 10])
        #expect(groups.all().map(\.group) == [id])
        #expect(try groups.enter(id).save(GroupCheckpoint(page.next)) == ())
        #expect(try groups.checkpoint(of: id)?.after == SequenceNumber(10))
    }

    @Test("what was trimmed before a group had read it is said once a minute and counted each time")
    func watches() {
        var watch = GroupTrimWatch()
        let (slow, fast) = (QueueID(alreadyChecked: "slow"), QueueID(alreadyChecked: "fast"))
        let second: UInt64 = 1_000_000_000
        #expect(watch.losses(trimmedThrough: 5, groups: [slow: 2, fast: 9], nowNanoseconds: second).isEmpty)
        let first = watch.losses(trimmedThrough: 8, groups: [slow: 2, fast: 9], nowNanoseconds: 6 * second)
        #expect(first == [GroupTrimWatch.Loss(group: slow, records: 3, isLogged: true)])
        let next = watch.losses(trimmedThrough: 12, groups: [slow: 2, fast: 11], nowNanoseconds: 11 * second)
        #expect(
            next == [
                GroupTrimWatch.Loss(group: fast, records: 1, isLogged: true),
                GroupTrimWatch.Loss(group: slow, records: 4, isLogged: false),
            ]
        )
        #expect(watch.losses(trimmedThrough: 12, groups: [slow: 2, fast: 11], nowNanoseconds: 90 * second).isEmpty)
        let last = watch.losses(trimmedThrough: 13, groups: [slow: 12, fast: 13], nowNanoseconds: 95 * second)
        #expect(last == [GroupTrimWatch.Loss(group: slow, records: 1, isLogged: true)])
    }
}
