import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LogUpkeep")
struct LogUpkeepTests {
    private let second: UInt64 = 1_000_000_000

    @Test("nothing is due while appends wait, until so many records were appended")
    func waitsForAppends() {
        var upkeep = LogUpkeep(headSaveRecords: 10_000, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 100 * second), nil)
        upkeep.committed(499)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), nil)
        upkeep.committed(1)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .trim)
        upkeep.trimmed(.nothing, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), nil)
    }

    @Test("an idle writer trims each second, and goes on at once while there is more")
    func trimsWhenIdle() {
        var upkeep = LogUpkeep(headSaveRecords: 10_000, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: second - 1), nil)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: second), .trim)
        upkeep.trimmed(.trimmed(1_000), nowNanoseconds: second)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: second), .trim)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: second), nil)
        upkeep.trimmed(.nothing, nowNanoseconds: second)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: second), nil)
    }

    @Test("heads are saved after so many records, slice after slice, also under load; when idle after a minute")
    func savesHeads() {
        var upkeep = LogUpkeep(headSaveRecords: 100, nowNanoseconds: 0)
        upkeep.committed(100)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .saveHeads)
        upkeep.saved(isComplete: false, nowNanoseconds: 0)
        upkeep.counted(unsavedRecords: 50)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .saveHeads)
        upkeep.saved(isComplete: true, nowNanoseconds: 0)
        upkeep.committed(1)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), nil)
        upkeep.trimmed(.nothing, nowNanoseconds: 60 * second)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 60 * second), .saveHeads)
    }

    @Test(
        "under load a trimming that is due has its turn beside a save that doesn't end, and takes more than was appended"
    )
    func savesAndTrims() {
        var upkeep = LogUpkeep(headSaveRecords: 100, nowNanoseconds: 0)
        for _ in 0..<10 {
            upkeep.committed(32_000)
            expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .saveHeads)
            upkeep.saved(isComplete: false, nowNanoseconds: 0)
            #expect(upkeep.goesOnUnderLoad)
            expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .trim)
            #expect(upkeep.trimmedAtOnce == 48_000)
            upkeep.trimmed(.trimmed(48_000), nowNanoseconds: 0)
            #expect(!upkeep.goesOnUnderLoad)
        }
        upkeep.committed(10)
        #expect(upkeep.trimmedAtOnce == Retention.leastTrimmedAtOnce)
    }

    @Test("records that are due but not in the saved heads make the heads be saved, then trimming goes on")
    func savesBeforeTrimming() {
        var upkeep = LogUpkeep(headSaveRecords: 10_000, nowNanoseconds: 0)
        upkeep.trimmed(.needsSavedHeads, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .saveHeads)
        upkeep.saved(isComplete: true, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 0), .trim)
    }

    @Test("after a failure everything waits for its next time")
    func backsOff() {
        var upkeep = LogUpkeep(headSaveRecords: 100, nowNanoseconds: 0)
        upkeep.committed(1_000)
        upkeep.failed(nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 0), nil)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: second), .trim)
    }

    @Test("dead readers are looked for each 30 seconds, when there is time")
    func checksReaders() {
        var upkeep = LogUpkeep(headSaveRecords: 100, nowNanoseconds: 0)
        upkeep.trimmed(.nothing, nowNanoseconds: 30 * second)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 30 * second), .checkReaders)
        upkeep.checkedReaders(nowNanoseconds: 30 * second)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 30 * second), nil)
    }

    @Test("topics are forgotten slice after slice when idle; under load one slice after each trimming")
    func forgets() {
        var upkeep = LogUpkeep(headSaveRecords: 10_000, nowNanoseconds: 0)
        upkeep.forgetting(isDue: true, afterTrimming: true)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .forgetTopics)
        upkeep.forgetting(isDue: true, afterTrimming: false)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), nil)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 0), .forgetTopics)
        upkeep.committed(500)
        expectEqual(upkeep.next(isIdle: false, nowNanoseconds: 0), .trim)
        upkeep.forgetting(isDue: false, afterTrimming: false)
        upkeep.trimmed(.nothing, nowNanoseconds: 0)
        expectEqual(upkeep.next(isIdle: true, nowNanoseconds: 0), nil)
    }
}
