@testable import sluice

/// A load for tests: its clock begins at 1 s, and receivers subscribe before any record.
struct BenchFixture {
    static let start: UInt64 = 1_000_000_000
    static let millisecond: UInt64 = 1_000_000

    let plan: BenchPlan
    var load: BenchLoad
    private var sequence: UInt64 = 0
    private var heads: [Int: UInt64] = [:]

    init(
        connections: Int = 2,
        topics: Int = 1,
        pacing: BenchPacing = .rate(10),
        seconds: Double = 1,
        warmUpSeconds: Double = 0
    ) throws {
        plan = try BenchPlan(
            target: BenchTarget("http://127.0.0.1:8080"),
            connections: connections,
            topics: topics,
            pacing: pacing,
            seconds: seconds,
            warmUpSeconds: warmUpSeconds,
            run: "00c0ffee"
        )
        load = BenchLoad(plan, heads: Array(repeating: 0, count: connections), now: BenchFixture.start)
    }

    /// Commits a message: the event that its topic's receivers get.
    mutating func commit(_ message: BenchMessage) -> BenchEvent {
        sequence += 1
        let marker = BenchMarker(run: plan.run, number: message.number, dueNanoseconds: message.dueNanoseconds)
        let event = BenchEvent(sequence: sequence, previous: heads[message.topic] ?? 0, marker: marker)
        heads[message.topic] = sequence
        return event
    }

    /// Takes what is due at a time after the start, which must be one message.
    mutating func one(at milliseconds: UInt64) throws -> BenchMessage {
        let messages = load.due(now: at(milliseconds))
        guard messages.count == 1, let message = messages.first else { throw Unexpected(count: messages.count) }
        return message
    }

    /// A time after the start.
    func at(_ milliseconds: UInt64) -> UInt64 { BenchFixture.start + milliseconds * BenchFixture.millisecond }

    private struct Unexpected: Error { let count: Int }
}
