import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ChainWalk")
struct ChainWalkTests {
    /// Walks over records given as sequence → previous.
    private func walk(
        _ records: [UInt64: UInt64],
        head: UInt64,
        after: UInt64,
        maximumRecords: Int = 100
    ) -> TopicHistory {
        var walk = ChainWalk(
            head: SequenceNumber(head),
            after: SequenceNumber(after),
            maximumRecords: maximumRecords
        )
        while let wanted = walk.wanted {
            if let previous = records[wanted.rawValue] {
                walk.found(previous: SequenceNumber(previous))
            } else {
                walk.missing()
            }
        }
        return walk.history
    }

    private func history(_ sequences: [UInt64], gap: (UInt64, UInt64)? = nil) -> TopicHistory {
        TopicHistory(
            sequences: sequences.map { SequenceNumber($0) },
            gap: gap.map { SequenceGap(from: SequenceNumber($0.0), to: SequenceNumber($0.1)) }
        )
    }

    private let whole: [UInt64: UInt64] = [9: 6, 6: 3, 3: 0]
    private let trimmed: [UInt64: UInt64] = [9: 6, 6: 3]

    @Test("the walk ends at the number that is known, or at the topic's first record")
    func endsAtKnown() {
        #expect(walk(whole, head: 9, after: 0) == history([3, 6, 9]))
        #expect(walk(whole, head: 9, after: 3) == history([6, 9]))
        #expect(walk(whole, head: 9, after: 5) == history([6, 9]))
        #expect(walk(whole, head: 9, after: 9) == history([]))
        #expect(walk(whole, head: 9, after: 20) == history([]))
        #expect(walk(whole, head: 0, after: 0) == history([]))
    }

    @Test("there is a gap only when a record after the known one was trimmed")
    func reportsGap() {
        #expect(walk(trimmed, head: 9, after: 0) == history([6, 9], gap: (1, 6)))
        #expect(walk(trimmed, head: 9, after: 2) == history([6, 9], gap: (3, 6)))
        #expect(walk(trimmed, head: 9, after: 3) == history([6, 9]))
        #expect(walk([:], head: 9, after: 4) == history([], gap: (5, 10)))
        #expect(walk([:], head: 9, after: 9) == history([]))
    }

    @Test("a walk that reaches its limit gives the newest records and calls the rest a gap")
    func stopsAtLimit() {
        #expect(walk(whole, head: 9, after: 0, maximumRecords: 2) == history([6, 9], gap: (1, 6)))
        #expect(walk(whole, head: 9, after: 0, maximumRecords: 3) == history([3, 6, 9]))
        #expect(walk(whole, head: 9, after: 0, maximumRecords: 0) == history([], gap: (1, 10)))
    }

    @Test("a chain that doesn't lead backwards ends the walk with a gap instead of going on for ever")
    func survivesDamage() {
        #expect(walk([9: 6, 6: 6], head: 9, after: 0) == history([6, 9], gap: (1, 6)))
        #expect(walk([9: 12], head: 9, after: 0) == history([9], gap: (1, 9)))
    }
}
