import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("Series of message queues")
struct QueueSeriesTests {
    private func ids(_ names: String...) -> [QueueID] { names.map { QueueID(alreadyChecked: $0) } }

    @Test("the first queues by name have series of their own, a deleted one loses its own")
    func first() {
        var series = QueueSeries(maximum: 2)
        #expect(series.follow(ids("b", "c", "d")).isEmpty && series.own == Set(ids("b", "c")))
        #expect(series.admits(ids("b")[0]) && !series.admits(ids("d")[0]))
        #expect(series.follow(ids("a", "b", "c", "d")) == Set(ids("c")) && series.own == Set(ids("a", "b")))
        #expect(series.follow(ids("b", "d")) == Set(ids("a")) && series.own == Set(ids("b", "d")))
    }

    @Test("a queue that was just made has its own as long as there is room")
    func new() {
        var series = QueueSeries(maximum: 1)
        #expect(series.admits(ids("z")[0]) && !series.admits(ids("a")[0]))
        #expect(series.follow(ids("a", "z")) == Set(ids("z")) && series.own == Set(ids("a")))
    }

    @Test("without series all are counted together")
    func none() {
        var series = QueueSeries(maximum: 0)
        #expect(!series.admits(ids("a")[0]) && series.follow(ids("a", "b")).isEmpty && series.own.isEmpty)
    }

    @Test("there are never more than there may be, whatever comes")
    func random() {
        let seed = SeededGenerator.printedSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let maximum = Int.random(in: 0...5, using: &random)
            var series = QueueSeries(maximum: maximum)
            for _ in 0..<50 {
                let names = (0..<12).filter { _ in Bool.random(using: &random) }.map { "q\($0)" }.sorted()
                let all = names.map { QueueID(alreadyChecked: $0) }
                if Bool.random(using: &random) {
                    let before = series.own
                    let gone = series.follow(all)
                    #expect(gone == before.subtracting(series.own) && series.own == Set(all.prefix(maximum)), "\(seed)")
                } else if let queue = all.randomElement(using: &random) {
                    #expect(series.admits(queue) == series.own.contains(queue), "\(seed)")
                }
                #expect(series.own.count <= maximum, "\(seed)")
            }
        }
    }
}
