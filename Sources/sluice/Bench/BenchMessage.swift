/// A message that is to be published now.
struct BenchMessage: Equatable, Sendable {
    let number: Int
    /// Index of its topic.
    let topic: Int
    /// When it was due, nanoseconds of ``StageClock``: its latency counts from here.
    let dueNanoseconds: UInt64
}
