import SluiceCore
import StageLatency
import Testing

@Suite("CommitTimes")
struct CommitTimesTests {
    @Test("every record of a commit has its time")
    func commit() {
        let times = CommitTimes(capacity: 8)
        times.note(first: SequenceNumber(3), count: 3, committedAtNanoseconds: 77)
        let asked = [2, 3, 4, 5, 6].map { SequenceNumber($0) }
        #expect(times.committedAtNanoseconds(asked) == [0, 77, 77, 77, 0])
        #expect(times.committedAtNanoseconds(SequenceNumber(4)) == 77)
    }

    @Test("of a commit larger than the ring its end is kept")
    func largeCommit() {
        let times = CommitTimes(capacity: 4)
        times.note(first: SequenceNumber(1), count: 1_000_000, committedAtNanoseconds: 5)
        #expect(times.committedAtNanoseconds(SequenceNumber(1_000_000)) == 5)
        #expect(times.committedAtNanoseconds(SequenceNumber(999_997)) == 5)
        #expect(times.committedAtNanoseconds(SequenceNumber(999_996)) == 0)
    }

    @Test("an empty commit, and one past the last number, change nothing")
    func edges() {
        let times = CommitTimes(capacity: 4)
        times.note(first: SequenceNumber(1), count: 0, committedAtNanoseconds: 5)
        times.note(first: SequenceNumber(UInt64.max), count: 2, committedAtNanoseconds: 5)
        times.note(first: .none, count: 2, committedAtNanoseconds: 5)
        #expect(times.committedAtNanoseconds(.none) == 0)
        #expect(times.committedAtNanoseconds(SequenceNumber(1)) == 0)
        times.note(first: SequenceNumber(UInt64.max), count: 1, committedAtNanoseconds: 6)
        #expect(times.committedAtNanoseconds(SequenceNumber(UInt64.max)) == 6)
    }
}
