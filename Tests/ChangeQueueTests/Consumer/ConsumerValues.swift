import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

/// Publishers of tests.
let alice = OwnerID(high: 1, low: 1)
let bob = OwnerID(high: 2, low: 2)

/// Rules with a visibility timeout of 1 ms and a back-off of pushes of 10 to 80 ns.
func rules(
    _ receiveMode: ReceiveMode = .pull,
    visibilityNanoseconds: UInt64 = timeout,
    maximumInFlight: Int = 1_000
) -> LeaseRules {
    var attributes = QueueAttributes(receiveMode: receiveMode)
    attributes.visibilityTimeout = .nanoseconds(Int64(visibilityNanoseconds))
    attributes.maximumInFlight = maximumInFlight
    attributes.retryMinimum = .nanoseconds(10)
    attributes.retryMaximum = .nanoseconds(80)
    return LeaseRules(attributes)
}

/// The rules' visibility timeout.
let timeout: UInt64 = 1_000_000

/// Handles of a receive.
func handles(_ sequences: some Sequence<UInt64>, _ receive: UInt64) -> [ReceiptHandle] {
    sequences.map { ReceiptHandle(sequence: SequenceNumber($0), receive: receive) }
}

/// A lease with few words.
func lease(
    _ first: UInt64,
    _ last: UInt64,
    receive: UInt64 = 1,
    owner: OwnerID = alice,
    visibleAt: UInt64 = timeout,
    receiveCount: UInt32 = 1
) -> Lease {
    Lease(
        range: SequenceRange(first, last),
        receive: receive,
        owner: owner,
        visibleAt: visibleAt,
        receiveCount: receiveCount
    )
}

extension LeaseState {
    /// Receives as the queue does, from a log without gaps.
    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: UInt64 = 100,
        last: UInt64,
        first: UInt64 = 1,
        at now: UInt64 = 0,
        rules: LeaseRules = rules()
    ) -> [Lease] {
        let receive = LeaseReceive(owner: owner, rules: rules, maximumRecords: maximumRecords, nowNanoseconds: now)
        let bounds = LogBounds(first: first, last: last)
        let wanted = receive.wanted(from: &self, bounds)
        return receive.lease(wanted.ranges.flatMap { $0.first...$0.last }, from: &self)
    }

    /// The ranges of all leases.
    var ranges: [ClosedRange<UInt64>] { leases.leases.map { $0.range.first...$0.range.last } }
}
