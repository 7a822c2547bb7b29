import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LeaseTable")
struct LeaseTableTests {
    /// What a store holds after the changes.
    private struct Stored {
        var leases: [UInt64: Lease] = [:]

        mutating func apply(_ changes: [LeaseTable.Change]) {
            for change in changes {
                switch change {
                case .put(let lease): leases[lease.range.first] = lease
                case .delete(let first): leases[first] = nil
                }
            }
        }

        var table: [Lease] { leases.values.sorted { $0.range.first < $1.range.first } }
    }

    /// Every way to hold or not to hold each of `count` records: the digit is the receive, 0 for none.
    private func everyTable(_ count: Int) -> [[UInt64]] {
        var tables: [[UInt64]] = [[]]
        for _ in 0..<count { tables = tables.flatMap { table in (0...2).map { table + [$0] } } }
        return tables
    }

    private func table(_ receives: [UInt64]) -> LeaseTable {
        var leases: [Lease] = []
        for (index, receive) in receives.enumerated() where receive != 0 {
            let sequence = UInt64(index + 1)
            if let last = leases.last, last.receive == receive, last.range.last + 1 == sequence {
                leases[leases.count - 1].range.last = sequence
            } else {
                leases.append(lease(sequence, sequence, receive: receive))
            }
        }
        return LeaseTable(leases)
    }

    private func receives(_ leases: [Lease], _ count: Int) -> [UInt64] {
        (1...UInt64(count)).map { sequence in
            leases.first { $0.range.first <= sequence && sequence <= $0.range.last }?.receive ?? 0
        }
    }

    @Test(
        "a cut removes, keeps or replaces just what it covers, for every table of five records and every pair of ranges"
    )
    func cutsExactly() {
        let count = 5
        for receives in everyTable(count) {
            for selected in 1..<(1 << count) {
                let ranges = SequenceRange.runs((1...UInt64(count)).filter { selected & (1 << ($0 - 1)) != 0 })
                for operation in 0..<3 {
                    var table = table(receives)
                    var stored = Stored()
                    for lease in table.leases { stored.leases[lease.range.first] = lease }
                    table.carve(ranges) { lease, _ in
                        guard lease.receive == 1 else { return .keep }
                        switch operation {
                        case 0: return .keep
                        case 1: return .remove
                        default:
                            var lease = lease
                            lease.receive = 3
                            return .replace(lease)
                        }
                    }
                    let expected = receives.enumerated().map { index, receive in
                        guard receive == 1, selected & (1 << index) != 0 else { return receive }
                        return [1, 0, 3][operation]
                    }
                    #expect(self.receives(table.leases, count) == expected, "\(receives) \(ranges) \(operation)")
                    #expect(table.recordCount == UInt64(expected.count { $0 != 0 }))
                    stored.apply(table.takeChanges())
                    #expect(stored.table == table.leases, "what is stored follows: \(receives) \(ranges) \(operation)")
                    if operation == 0 { #expect(table.leases == self.table(receives).leases) }
                }
            }
        }
    }

    @Test("a cut tells the index of the range that covers the part")
    func tellsRange() {
        var table = LeaseTable([lease(1, 10)])
        var parts: [ClosedRange<UInt64>: Int] = [:]
        table.carve([SequenceRange(2, 3), SequenceRange(5, 20)]) { lease, range in
            parts[lease.range.first...lease.range.last] = range
            return .remove
        }
        #expect(parts == [2...3: 0, 5...10: 1])
        #expect(table.leases == [lease(1, 1), lease(4, 4)])
    }

    @Test("retiring a whole batch deletes one entry, and retiring none writes nothing")
    func writesLittle() {
        var table = LeaseTable([lease(1, 100), lease(101, 200, receive: 2)])
        table.carve([SequenceRange(1, 100)]) { _, _ in .remove }
        expectEqual(table.takeChanges(), [.delete(first: 1)])
        table.carve([SequenceRange(150, 160)]) { _, _ in .keep }
        expectEqual(table.takeChanges(), [])
        #expect(table.leases == [lease(101, 200, receive: 2)])
    }

    @Test("records that are given back one by one become one entry again")
    func joins() {
        var table = LeaseTable([lease(1, 4)])
        for sequence: UInt64 in [2, 4, 1, 3] {
            table.carve([SequenceRange(sequence, sequence)]) { lease, _ in .replace(lease.givenBack(visibleAt: 7)) }
        }
        table.carve([SequenceRange(1, 4)]) { _, _ in .keep }
        #expect(table.leases == [lease(1, 4, receive: 0, owner: .none, visibleAt: 7)])
    }

    @Test("what is visible comes lowest first and no more than asked for; nothing comes before its time")
    func givesDue() {
        var table = LeaseTable([lease(1, 3, visibleAt: 10), lease(4, 6, visibleAt: 30), lease(8, 9, visibleAt: 20)])
        expectEqual(table.due(nowNanoseconds: 9, maximumRecords: 100), [])
        expectEqual(table.due(nowNanoseconds: 10, maximumRecords: 100), [SequenceRange(1, 3)])
        expectEqual(table.due(nowNanoseconds: 20, maximumRecords: 100), [SequenceRange(1, 3), SequenceRange(8, 9)])
        expectEqual(table.due(nowNanoseconds: 30, maximumRecords: 5), [SequenceRange(1, 3), SequenceRange(4, 5)])
        expectEqual(table.due(nowNanoseconds: 30, maximumRecords: 0), [])
        table.carve([SequenceRange(1, 3)]) { _, _ in .remove }
        expectEqual(table.due(nowNanoseconds: 19, maximumRecords: 100), [])
        #expect(table.earliestVisibleAt == 20)
    }

    @Test(
        "a random history is the same in the table, in the store and record by record",
        arguments: [1, 2, 3, .random(in: 4 ... .max)]
    )
    func followsModel(seed: UInt64) {
        print("LeaseTable seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var table = LeaseTable()
        var stored = Stored()
        var model: [UInt64: UInt64] = [:]
        var last: UInt64 = 0
        for step in 1...2_000 {
            if generator.oneIn(4) {
                let count = UInt64.random(in: 1...20, using: &generator)
                table.append(lease(last + 1, last + count, receive: UInt64(step)))
                for sequence in last + 1...last + count { model[sequence] = UInt64(step) }
                last += count
            }
            let selected = model.keys.filter { _ in generator.oneIn(3) }.sorted()
            let removes = generator.oneIn(2)
            table.carve(SequenceRange.runs(selected)) { part, _ in
                removes ? .remove : .replace(lease(1, 1, receive: UInt64(step)))
            }
            for sequence in selected { model[sequence] = removes ? nil : UInt64(step) }
            stored.apply(table.takeChanges())
            #expect(stored.table == table.leases)
            #expect(table.recordCount == UInt64(model.count))
        }
        for sequence in 1...max(last, 1) { #expect(table.lease(of: sequence)?.receive == model[sequence]) }
    }
}
