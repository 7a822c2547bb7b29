import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Leases that are pushed, as in SNS")
struct PushedLeaseTests {
    private func push(
        _ state: inout LeaseState,
        _ maximumRecords: UInt64 = 100,
        last: UInt64,
        at now: UInt64 = 0,
        rules: LeaseRules = rules(.push)
    ) -> [Lease] {
        let push = LeaseReceive(owner: alice, rules: rules, maximumRecords: maximumRecords, nowNanoseconds: now)
        let wanted = push.wanted(from: &state, LogBounds(first: 1, last: last))
        return push.lease(wanted.ranges.flatMap { $0.first...$0.last }, from: &state)
    }

    private func retry(
        _ state: inout LeaseState,
        _ sequences: [UInt64],
        _ receive: UInt64,
        after delay: UInt64 = 0,
        at now: UInt64
    ) {
        LeaseRetry(
            handles: handles(sequences, receive),
            rules: rules(.push),
            delayNanoseconds: delay,
            nowNanoseconds: now
        ).apply(to: &state)
    }

    @Test("a confirmed push is gone, and a stale confirmation does nothing")
    func confirms() {
        var state = LeaseState(cursor: 0, nextReceive: 1)
        #expect(push(&state, last: 3).map(\.range) == [SequenceRange(1, 3)])
        LeaseDelete(handles: handles([1, 3], 1)).apply(to: &state)
        LeaseDelete(handles: handles([2], 9)).apply(to: &state)
        #expect(state.ranges == [2...2])
    }

    @Test(
        "the wait for a retry doubles with each attempt up to the longest one, and is never shorter than the caller's"
    )
    func backsOff() {
        var state = LeaseState(cursor: 0, nextReceive: 1)
        var now: UInt64 = 0
        var waits: [UInt64] = []
        for attempt in 1...6 as ClosedRange<UInt64> {
            #expect(push(&state, last: 1, at: now).first?.receiveCount == UInt32(attempt))
            retry(&state, [1], attempt, at: now)
            let visibleAt = state.leases.leases.first?.visibleAt ?? 0
            #expect(push(&state, last: 1, at: visibleAt - 1).isEmpty)
            waits.append(visibleAt - now)
            now = visibleAt
        }
        #expect(waits == [10, 20, 40, 80, 80, 80])
        _ = push(&state, last: 1, at: now)
        retry(&state, [1], 7, after: 700, at: now)
        #expect(state.leases.leases.first?.visibleAt == now + 700)
    }

    @Test("each record waits by its own attempts")
    func waitsApart() {
        var state = LeaseState(cursor: 0, nextReceive: 1)
        _ = push(&state, last: 2)
        retry(&state, [1], 1, at: 0)
        _ = push(&state, last: 3, at: 10)
        retry(&state, [1, 3], 2, at: 10)
        #expect(state.leases.lease(of: 1)?.visibleAt == 30)
        #expect(state.leases.lease(of: 3)?.visibleAt == 20)
        #expect(state.leases.lease(of: 2)?.owner == alice)
    }

    @Test("retries that are due leave half of the room to new records, and take what those leave")
    func sharesRoom() {
        var state = LeaseState(cursor: 0, nextReceive: 1)
        _ = push(&state, last: 20)
        retry(&state, Array(1...20), 1, at: 0)
        let mixed = push(&state, 10, last: 100, at: 10)
        #expect(mixed.map(\.range) == [SequenceRange(1, 5), SequenceRange(21, 25)])
        let few = push(&state, 10, last: 27, at: 10)
        #expect(few.map(\.range) == [SequenceRange(6, 13), SequenceRange(26, 27)])
        let retriesOnly = push(&state, 10, last: 27, at: 10)
        #expect(retriesOnly.map(\.range) == [SequenceRange(14, 20)])
    }

    @Test("at the limit in flight only retries go on")
    func limits() {
        var state = LeaseState(cursor: 0, nextReceive: 1)
        let rules = rules(.push, maximumInFlight: 4)
        #expect(push(&state, last: 10, rules: rules).map(\.range) == [SequenceRange(1, 4)])
        retry(&state, [2], 1, at: 0)
        #expect(push(&state, last: 10, at: 10, rules: rules).map(\.range) == [SequenceRange(2, 2)])
    }
}
