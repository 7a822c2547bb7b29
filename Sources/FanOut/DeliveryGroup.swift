package import SluiceCore

/// The deliveries of one read on one event loop, until the last socket of the last of them is written.
final class DeliveryGroup {
    /// One record's place in the group.
    struct Part {
        let group: DeliveryGroup
        /// The delivery, by its place in the read.
        let delivery: Int
    }

    /// What became of each delivery.
    var tallies: [DeliveryTally]
    /// When a socket was written last, nanoseconds of `StageClock`; zero when none was.
    var writtenAtNanoseconds: UInt64 = 0
    private var partsLeft = 1
    private let finished: (LoopTallies) -> Void

    /// `finished` is called once, after the last socket is written.
    init(deliveries: Int, finished: @escaping (LoopTallies) -> Void) {
        tallies = Array(repeating: DeliveryTally(), count: deliveries)
        self.finished = finished
    }

    /// A record of the group is on its way.
    func began() { partsLeft += 1 }

    /// A record of the group is done, or, once, the group is complete.
    /// - Returns: whether nothing of the group is left.
    func ended() -> Bool {
        partsLeft -= 1
        return partsLeft == 0
    }

    /// Tells what became of the group.
    func finish() {
        finished(LoopTallies(tallies: tallies, writtenAtNanoseconds: writtenAtNanoseconds))
    }
}

/// What one event loop did with one delivery.
package struct DeliveryTally: Sendable {
    /// Events written: records times sockets.
    package var sockets: UInt32 = 0
    /// Connections that were closed because they read too slowly.
    package var slow: [ConnectionID] = []

    /// Nothing yet.
    package init() {}

    /// Adds what another loop did.
    package mutating func add(_ other: DeliveryTally) {
        sockets = sockets.addingReportingOverflow(other.sockets).overflow ? .max : sockets + other.sockets
        slow.append(contentsOf: other.slow)
    }
}

/// What one event loop did with the deliveries of one read.
package struct LoopTallies: Sendable {
    /// One for each delivery, in their order.
    package var tallies: [DeliveryTally]
    /// When its last socket was written, nanoseconds of `StageClock`; zero when none was.
    package var writtenAtNanoseconds: UInt64

    package init(tallies: [DeliveryTally], writtenAtNanoseconds: UInt64) {
        self.tallies = tallies
        self.writtenAtNanoseconds = writtenAtNanoseconds
    }
}
