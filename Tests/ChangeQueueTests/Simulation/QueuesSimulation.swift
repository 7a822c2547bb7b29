import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

/// A log as a row of topics, and the time.
struct SimulatedLog {
    static let topics = 7

    /// The topic of each record; record 1 is the first.
    var topics: [Int] = []
    var first: UInt64 = 1
    var now: UInt64 = 1

    var bounds: LogBounds { LogBounds(first: first, last: UInt64(topics.count)) }
}

/// Several queues over one log: appends, trims and time steps are everyone's, the rest is each queue's own.
struct QueuesSimulation {
    private var log = SimulatedLog()
    private var queues: [ConsumerSimulation]
    private var generator: SeededGenerator

    /// Each queue with its visibility timeout, nanoseconds.
    init(_ queues: [(queue: any SimulatedQueue, timeout: UInt64)], seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        let log = log
        self.queues = queues.enumerated().map { index, element in
            ConsumerSimulation(element.queue, timeout: element.timeout, seed: seed &+ UInt64(index) << 32, log)
        }
    }

    var violations: [String] {
        queues.enumerated().flatMap { index, queue in queue.violations.map { "queue \(index): \($0)" } }
    }

    /// Records that each queue has handed out, again ones included.
    var deliveries: [Int] { queues.map(\.deliveries) }

    /// Runs at random, then lets everything come to its end.
    mutating func run(steps: Int) {
        for _ in 0..<steps where violations.isEmpty {
            step()
            check()
        }
        for _ in 0..<2_000 where violations.isEmpty && !queues.allSatisfy(\.isDone) {
            log.now += .random(in: 1...shortestTimeout / 4, using: &generator)
            for index in queues.indices { queues[index].settle(log) }
            check()
        }
        for index in queues.indices where !queues[index].isDone {
            queues[index].violations.append("never retired: \(queues[index].rest)")
        }
    }

    private var shortestTimeout: UInt64 { queues.lazy.map(\.timeout).min() ?? timeout }

    private mutating func step() {
        let index = Int.random(in: queues.indices, using: &generator)
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<25:
            let next = UInt64(log.topics.count) + 1
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                log.topics.append(Int.random(in: 0..<SimulatedLog.topics, using: &generator))
            }
            for index in queues.indices { queues[index].appended(next...log.bounds.last) }
        case 25..<30: log.now += .random(in: 1...queues[index].timeout / 10, using: &generator)
        case 30..<32: log.now += .random(in: 1...queues[index].timeout * 2, using: &generator)
        case 32..<34: trim()
        default: queues[index].step(log)
        }
    }

    private mutating func trim() {
        guard generator.oneIn(4), log.bounds.last > log.first + 40 else { return }
        log.first += .random(in: 1...10, using: &generator)
        for index in queues.indices { queues[index].trimmed(before: log.first) }
    }

    private mutating func check() {
        for index in queues.indices { queues[index].check(log) }
    }
}
