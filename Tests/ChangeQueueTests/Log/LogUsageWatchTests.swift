import Logging
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LogUsageWatch")
struct LogUsageWatchTests {
    private let second: UInt64 = 1_000_000_000

    private func usage(topics: Int = 0, log: Int = 0, items: Int = 0) -> LogUsage {
        LogUsage(
            topics: topics,
            maximumTopics: 100,
            logBytes: log,
            logLimitBytes: 1_000,
            itemsBytes: items,
            itemsLimitBytes: 500
        )
    }

    @Test("each limit is warned of once at four fifths, and again only after it was well below")
    func warns() {
        var watch = LogUsageWatch()
        #expect(watch.lines(usage(topics: 79, log: 799, items: 399), nowNanoseconds: 0).isEmpty)
        let lines = watch.lines(usage(topics: 80, items: 400), nowNanoseconds: 0)
        #expect(
            lines.map { $0.metadata["used"] } == ["80 of 100 topics", "400 of 500 bytes"] as [Logger.MetadataValue?]
        )
        #expect(watch.lines(usage(topics: 75, items: 500), nowNanoseconds: 0).isEmpty)
        #expect(watch.lines(usage(topics: 100), nowNanoseconds: 0).isEmpty)
        #expect(watch.lines(usage(topics: 69), nowNanoseconds: 0).isEmpty)
        #expect(watch.lines(usage(topics: 80), nowNanoseconds: 0).count == 1)
    }

    @Test("refusals are said at once, and then in one line each ten seconds, however many there are")
    func saysRefusals() {
        var watch = LogUsageWatch()
        watch.refused([.topicsFull: 3])
        #expect(watch.lines(usage(), nowNanoseconds: second).map(\.metadata) == [["topics_full": "3"]])
        for now in 2...10 as ClosedRange<UInt64> {
            watch.refused([.topicsFull: 1_000, .logFull: 1])
            #expect(watch.lines(usage(), nowNanoseconds: now * second).isEmpty)
        }
        let lines = watch.lines(usage(), nowNanoseconds: 11 * second)
        #expect(lines.map(\.metadata) == [["topics_full": "9000", "log_full": "9"]])
        #expect(watch.lines(usage(), nowNanoseconds: 100 * second).isEmpty)
    }

    @Test("what is full is named, with how much there is of it; a limit of nothing is full")
    func namesWhatIsFull() {
        #expect(usage(topics: 99, log: 999, items: 499).warnings(atPercent: 100).isEmpty)
        #expect(usage(topics: 100).warnings(atPercent: 100) == [.topics: "100 of 100 topics"])
    }
}
