import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ShardWindow")
struct ShardWindowTests {
    /// How a record is answered.
    private enum Answer: CaseIterable {
        case retired
        case failed
    }

    /// Every order of `count` records.
    private func orders(_ count: Int) -> [[UInt64]] {
        var orders: [[UInt64]] = [[]]
        for next in 1...UInt64(count) {
            orders = orders.flatMap { order in
                (0...order.count).map { index in
                    var order = order
                    order.insert(next, at: index)
                    return order
                }
            }
        }
        return orders
    }

    @Test(
        "the lowest open record is right for every order of answers, and failures show when all is answered"
    )
    func answersInAnyOrder() {
        let count = 4
        for order in orders(count) {
            for choice in 0..<(1 << count) {
                var window = ShardWindow(lease: 1)
                for sequence in 1...UInt64(count) { window.append(sequence * 10, receive: 5) }
                var retired = Set<UInt64>()
                let failed = (1...UInt64(count)).filter { choice & (1 << ($0 - 1)) != 0 }
                for (position, record) in order.enumerated() {
                    #expect(window.takeFailure() == nil)
                    if failed.contains(record) {
                        expectEqual(window.fail(record * 10, receive: 5), true)
                        expectEqual(window.fail(record * 10, receive: 5), false)
                    } else {
                        window.retire(record * 10, receive: 5)
                        retired.insert(record)
                    }
                    let open = (1...UInt64(count)).first { !retired.contains($0) }
                    #expect(window.lowest == open.map { $0 * 10 })
                    #expect(window.hasFailed == order.prefix(position + 1).contains { failed.contains($0) })
                }
                #expect(window.takeFailure() == failed.first.map { $0 * 10 })
                #expect(window.isEmpty)
                #expect(!window.hasFailed)
            }
        }
    }

    @Test("handles of another receive and of unknown records do nothing")
    func ignoresStale() {
        var window = ShardWindow(lease: 1)
        window.append(3, receive: 5)
        window.append(7, receive: 6)
        window.retire(3, receive: 6)
        window.retire(4, receive: 5)
        window.retire(9, receive: 6)
        expectEqual(window.fail(3, receive: 6), false)
        #expect(window.count == 2)
        #expect(window.lowest == 3)
    }

    @Test("a window that is always in use doesn't grow")
    func stays() {
        var window = ShardWindow(lease: 1)
        for sequence in 1...20_000 as ClosedRange<UInt64> {
            window.append(sequence, receive: 1)
            if sequence > 10 { window.retire(sequence - 10, receive: 1) }
            #expect(window.count <= 11)
        }
        #expect(window.lowest == 19_991)
    }
}
