import ArgumentParser
import Benchmark
import Foundation

/// Nanoseconds, with swift-benchmark's loop, which repeats a case until it has run long enough.
struct Times: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures times (the default).")

    @OptionGroup var selection: Selection
    @Option(help: "Seconds that each case runs for at least.") var seconds = 0.5

    func run() throws {
        var figures: [TimeFigure] = []
        for one in selection.cases {
            // A suite for each, so that what one has set up is gone before the next one runs.
            var runner = BenchmarkRunner(
                suites: [try suite(of: one)],
                settings: [MinTime(seconds: seconds), Format(.none), Quiet(true)]
            )
            try runner.run()
            guard let result = runner.results.first else { continue }
            figures.append(TimeFigure(one, result.measurements))
            if !selection.json, let figure = figures.last { print(figure.line) }
        }
        if selection.json { try JSONOutput.write(figures) }
    }

    private func suite(of one: MicroCase) throws -> BenchmarkSuite {
        let operation = try one.make()
        let suite = BenchmarkSuite(name: one.suite)
        suite.benchmark(one.name) { (state: inout BenchmarkState) in
            try operation.prepare(one.batch)
            state.start()
            try operation.run(one.batch)
            try state.end()
            try operation.finish()
        }
        return suite
    }
}
