/// What one event loop did with the deliveries of one read.
struct LoopTallies: Sendable {
    /// One for each delivery, in their order.
    var tallies: [DeliveryTally]
    /// When its last socket was written, nanoseconds of `StageClock`; zero when none was.
    var writtenAtNanoseconds: UInt64
}
