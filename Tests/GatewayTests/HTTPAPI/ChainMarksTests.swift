import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("Marks in a chain")
struct ChainMarksTests {
    private let topic = Topic(alreadyChecked: "t")

    /// Walks a topic whose records are every third number.
    private func walk(from head: UInt64, after: UInt64, keeping: Int) -> ChainWalk {
        var walk = ChainWalk(head: SequenceNumber(head), after: SequenceNumber(after), keepingOldest: keeping)
        while let wanted = walk.wanted { walk.found(previous: SequenceNumber(wanted.rawValue - 3)) }
        return walk
    }

    @Test("pages through marks bring every record once, in order, for a few intervals and a page each")
    func pages() {
        let seed = UInt64.random(in: .min ... .max)
        print("ChainMarksTests.pages seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var marks = TopicMarks(maximumMarks: 1_000)
        var head: UInt64 = 3 * 20_000
        var after: UInt64 = 0
        var fromHead = 0
        while after < head {
            let limit = Int.random(in: 1...1_000, using: &random)
            let start = marks.start(of: topic, after: SequenceNumber(after), count: limit)
            let walk = walk(from: start?.rawValue ?? head, after: after, keeping: limit + 1)
            let page = walk.history.sequences.prefix(limit).map(\.rawValue)
            let count = min(UInt64(limit), (head - after) / 3)
            #expect(page == (0..<count).map { after + 3 * ($0 + 1) })
            #expect(walk.history.gap == nil)
            // Where nobody has passed yet, at first and in what is new, the walk begins at the head.
            #expect(start == nil || walk.visitedCount <= limit + 6 * ChainWalk.markInterval)
            fromHead += start == nil ? 1 : 0
            marks.add(walk.marks, of: topic)
            after = page.last ?? head
            // The topic goes on meanwhile.
            if head < 3 * 24_000 { head += 3 * UInt64.random(in: 0...200, using: &random) }
        }
        #expect(fromHead < 20)
    }

    @Test("what is too much is forgotten, and a topic whose mark is gone begins at its head")
    func bounded() {
        var marks = TopicMarks(maximumMarks: 10)
        marks.add([30, 20, 10].map { SequenceNumber($0) }, of: topic)
        #expect(marks.start(of: topic, after: .none, count: 100) == SequenceNumber(20))
        marks.add((1...8).reversed().map { SequenceNumber($0) }, of: Topic(alreadyChecked: "u"))
        #expect(marks.start(of: topic, after: .none, count: 1) == nil)
        marks.remove(of: Topic(alreadyChecked: "u"))
        #expect(marks.start(of: Topic(alreadyChecked: "u"), after: .none, count: 1) == nil)
    }
}
