import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Leases that are pulled, as in SQS")
struct PulledLeaseTests {
    private func state(_ cursor: UInt64 = 0) -> LeaseState { LeaseState(cursor: cursor, nextReceive: 1) }

    private func giveBack(_ handles: [ReceiptHandle], visibleAt: UInt64, _ state: inout LeaseState) {
        LeaseRetry(handles: handles, rules: rules(), delayNanoseconds: visibleAt, nowNanoseconds: 0).apply(to: &state)
    }

    @Test("a receive takes the oldest records that nobody has had, and no more than asked for")
    func receivesNew() {
        var state = state()
        let first = state.receive(alice, 3, last: 5)
        #expect(first == [lease(1, 3, receive: 1)])
        let second = state.receive(bob, 3, last: 5)
        #expect(second == [lease(4, 5, receive: 2, owner: bob)])
        expectEqual(state.receive(alice, 3, last: 5), [])
        #expect(state.cursor == 5)
    }

    @Test("an empty receive, or one for no records, changes nothing")
    func receivesNothing() {
        var state = state()
        expectEqual(state.receive(alice, last: 0), [])
        expectEqual(state.receive(alice, 0, last: 10), [])
        expectEqual(state.takeHeadChange(), false)
        expectEqual(state.leases.takeChanges(), [])
    }

    @Test(
        "deleted records never come again; the others do after the visibility timeout, in order and before new ones"
    )
    func deletes() {
        var state = state()
        _ = state.receive(alice, 4, last: 6)
        LeaseDelete(handles: handles([2, 3], 1)).apply(to: &state)
        #expect(state.ranges == [1...1, 4...4])
        expectEqual(state.receive(bob, last: 4, at: timeout - 1), [])
        let again = state.receive(bob, 3, last: 6, at: timeout)
        #expect(again.map(\.range) == [SequenceRange(1, 1), SequenceRange(4, 4), SequenceRange(5, 5)])
        #expect(again.map(\.receiveCount) == [2, 2, 1])
        #expect(again.allSatisfy { $0.owner == bob && $0.receive == 2 && $0.visibleAt == 2 * timeout })
    }

    @Test("a handle whose time is over still deletes, until the record is received again; then it is stale")
    func deletesLate() {
        var state = state()
        _ = state.receive(alice, last: 2)
        LeaseDelete(handles: handles([1], 1)).apply(to: &state)
        _ = state.receive(bob, last: 2, at: timeout)
        LeaseDelete(handles: handles([2], 1)).apply(to: &state)
        #expect(state.ranges == [2...2])
        giveBack(handles([2], 1), visibleAt: 0, &state)
        #expect(state.leases.leases == [lease(2, 2, receive: 2, owner: bob, visibleAt: 2 * timeout, receiveCount: 2)])
        LeaseDelete(handles: handles([2], 2)).apply(to: &state)
        #expect(state.leases.leases.isEmpty)
    }

    @Test(
        "handles of records that are gone, of unknown receives and of the future do nothing",
        arguments: [0, 1, 2, 99] as [UInt64]
    )
    func ignoresStale(receive: UInt64) {
        var state = state()
        _ = state.receive(alice, 2, last: 5)
        giveBack(handles([2], 1), visibleAt: 5, &state)
        let before = state.leases.leases
        LeaseDelete(handles: handles([2, 3, 4, 1_000], receive)).apply(to: &state)
        giveBack(handles([2, 7], receive), visibleAt: 1, &state)
        #expect(state.leases.leases == before)
    }

    @Test("a changed visibility hides a record until then, for everyone, and counts the receive")
    func changesVisibility() {
        var state = state()
        _ = state.receive(alice, last: 3)
        giveBack(handles([2], 1), visibleAt: 500, &state)
        expectEqual(state.receive(bob, last: 3, at: 499), [])
        let again = state.receive(bob, last: 3, at: 500)
        #expect(again == [lease(2, 2, receive: 2, owner: bob, visibleAt: 500 + timeout, receiveCount: 2)])
    }

    @Test("what a dead publisher held is visible at once, what the others hold isn't")
    func takesOver() {
        var state = state()
        _ = state.receive(alice, 3, last: 6)
        _ = state.receive(bob, 3, last: 6)
        expectEqual(LeaseTakeOver(owners: [alice], nowNanoseconds: 5).apply(to: &state), 3)
        expectEqual(LeaseTakeOver(owners: [alice], nowNanoseconds: 5).apply(to: &state), 0)
        let again = state.receive(bob, last: 6, at: 5)
        #expect(again.map(\.range) == [SequenceRange(1, 3)])
        #expect(again.first?.receiveCount == 2)
    }

    @Test("a publisher that shows life keeps what it holds, and writes only when the time is getting short")
    func extends() {
        var state = state()
        _ = state.receive(alice, last: 3)
        _ = state.leases.takeChanges()
        LeaseExtension(owner: alice, rules: rules(), nowNanoseconds: timeout / 4).apply(to: &state)
        expectEqual(state.leases.takeChanges(), [])
        LeaseExtension(owner: bob, rules: rules(), nowNanoseconds: timeout / 2).apply(to: &state)
        expectEqual(state.leases.takeChanges(), [])
        LeaseExtension(owner: alice, rules: rules(), nowNanoseconds: timeout / 2).apply(to: &state)
        #expect(state.leases.leases == [lease(1, 3, visibleAt: timeout / 2 + timeout)])
        expectEqual(state.receive(bob, last: 3, at: timeout), [])
    }

    @Test("records given back aren't kept by their former owner's life")
    func extendsOnlyHeld() {
        var state = state()
        _ = state.receive(alice, last: 3)
        giveBack(handles([1, 2, 3], 1), visibleAt: 10, &state)
        LeaseExtension(owner: alice, rules: rules(), nowNanoseconds: 5).apply(to: &state)
        #expect(state.receive(bob, last: 3, at: 10).count == 1)
    }

    @Test("at the limit in flight nothing new is handed out, what was handed out before still is")
    func limitsInFlight() {
        var state = state()
        let rules = rules(maximumInFlight: 5)
        #expect(state.receive(alice, last: 9, rules: rules).map(\.range) == [SequenceRange(1, 5)])
        expectEqual(state.receive(bob, last: 9, rules: rules), [])
        giveBack(handles([4], 1), visibleAt: 1, &state)
        #expect(state.receive(bob, last: 9, at: 1, rules: rules).map(\.range) == [SequenceRange(4, 4)])
        LeaseDelete(handles: handles([1, 2], 1)).apply(to: &state)
        #expect(state.receive(bob, last: 9, at: 1, rules: rules).map(\.range) == [SequenceRange(6, 7)])
    }

    @Test("what retention has trimmed is forgotten, in flight or not yet handed out")
    func trims() {
        var state = state()
        _ = state.receive(alice, 4, last: 20)
        #expect(state.receive(bob, 2, last: 20, first: 3).map(\.range) == [SequenceRange(5, 6)])
        #expect(state.ranges == [3...4, 5...6])
        #expect(state.receive(bob, 2, last: 20, first: 11).map(\.range) == [SequenceRange(11, 12)])
        #expect(state.ranges == [11...12])
        expectEqual(state.receive(bob, last: 20, first: 21), [])
        #expect(state.cursor == 20)
    }

    @Test("on a log that is older than the state it goes on at the log's end")
    func cuts() {
        var state = state()
        _ = state.receive(alice, last: 10)
        state.cut(after: 4)
        #expect(state.cursor == 4)
        #expect(state.ranges == [1...4])
        #expect(state.receive(bob, last: 6).map(\.range) == [SequenceRange(5, 6)])
        state.cut(after: 100)
        #expect(state.cursor == 6)
    }

    @Test("the figures are exact, and so is the place where a lost state goes on")
    func figures() {
        var state = state()
        #expect(state.retiredThrough == 0)
        _ = state.receive(alice, 6, last: 10)
        LeaseDelete(handles: handles([1, 3], 1)).apply(to: &state)
        giveBack(handles([4], 1), visibleAt: 50, &state)
        let bounds = LogBounds(first: 1, last: 10)
        var depth = state.depth(of: .sqs, bounds, nowNanoseconds: 10)
        #expect([depth.visible, depth.inFlight, depth.delayed] == [4, 3, 1])
        depth = state.depth(of: .sqs, bounds, nowNanoseconds: 50)
        #expect([depth.visible, depth.inFlight, depth.delayed] == [5, 3, 0])
        depth = state.depth(of: .sqs, bounds, nowNanoseconds: timeout)
        #expect([depth.visible, depth.inFlight, depth.delayed] == [8, 0, 0])
        depth = state.depth(of: .sqs, LogBounds(first: 6, last: 10), nowNanoseconds: 10)
        #expect([depth.visible, depth.inFlight, depth.delayed] == [4, 1, 0])
        depth = state.depth(of: .sqs, LogBounds(first: 11, last: 10), nowNanoseconds: 10)
        #expect([depth.visible, depth.inFlight, depth.delayed] == [0, 0, 0])
        #expect(state.retiredThrough == 1)
        #expect(
            state.unretired(bounds) == [
                SequenceRange(2, 2), SequenceRange(4, 4), SequenceRange(5, 6), SequenceRange(7, 10),
            ]
        )
        #expect(state.standing(of: 1, nowNanoseconds: 10) == nil)
        #expect(state.standing(of: 2, nowNanoseconds: 10) == RecordStanding(state: .inFlight, receiveCount: 1))
        #expect(state.standing(of: 4, nowNanoseconds: 10) == RecordStanding(state: .delayed, receiveCount: 1))
        #expect(state.standing(of: 9, nowNanoseconds: 10) == RecordStanding(state: .visible, receiveCount: 0))
        LeaseDelete(handles: handles([2, 5, 6], 1)).apply(to: &state)
        #expect(state.retiredThrough == 3)
    }
}
