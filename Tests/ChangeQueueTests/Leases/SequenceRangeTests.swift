import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("SequenceRange and HandleRuns")
struct SequenceRangeTests {
    @Test("ascending numbers become as few ranges as there are")
    func runs() {
        #expect(SequenceRange.runs([UInt64]()) == [])
        #expect(SequenceRange.runs([3]) == [SequenceRange(3, 3)])
        #expect(
            SequenceRange.runs([1, 2, 3, 5, 6, 9]) == [SequenceRange(1, 3), SequenceRange(5, 6), SequenceRange(9, 9)]
        )
        #expect(SequenceRange.runs([UInt64.max - 1, .max]) == [SequenceRange(.max - 1, .max)])
    }

    @Test("two ranges have what both have in common")
    func overlaps() {
        for first in 1...4 as ClosedRange<UInt64> {
            for last in first...5 {
                let range = SequenceRange(first, last)
                let common = [2, 3, 4].filter { (first...last).contains($0) }
                #expect(SequenceRange(2, 4).overlap(range) == SequenceRange.runs(common).first)
                #expect(range.overlap(SequenceRange(2, 4)) == SequenceRange.runs(common).first)
            }
        }
    }

    @Test("handles of one receive that follow each other are one range; a gap or another receive begins a new one")
    func handleRuns() {
        let runs = HandleRuns(handles([1, 2, 3], 7) + handles([4], 8) + handles([6], 8))
        #expect(runs.ranges == [SequenceRange(1, 3), SequenceRange(4, 4), SequenceRange(6, 6)])
        #expect(runs.receives == [7, 8, 8])
    }

    @Test("handles may come in any order and twice; of two for one record the newer counts")
    func handleOrder() {
        let runs = HandleRuns(handles([3, 1, 2, 2], 7) + handles([2], 9))
        #expect(runs.ranges == [SequenceRange(1, 1), SequenceRange(2, 2), SequenceRange(3, 3)])
        #expect(runs.receives == [7, 9, 7])
        #expect(HandleRuns([]).ranges.isEmpty)
    }
}
