import ArgumentParser

/// How many times each operation calls the allocator.
struct Allocations: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Counts the allocations of each operation.")

    @OptionGroup var selection: Selection
    @Option(help: "Batches that are counted, after as many that aren't.") var batches = 20

    func run() throws {
        var figures: [AllocationFigure] = []
        for one in selection.cases {
            let figure = AllocationFigure(one, try count(one), batches: batches)
            figures.append(figure)
            if !selection.json { print(figure.line) }
        }
        if selection.json { try JSONOutput.write(figures) }
    }

    private func count(_ one: MicroCase) throws -> (count: UInt64, bytes: UInt64) {
        let operation = try one.make()
        // Tables grow and lazy values are made in the first ones.
        for _ in 0..<batches { _ = try operation.measured(one.batch) }
        var sum: (count: UInt64, bytes: UInt64) = (0, 0)
        for _ in 0..<batches {
            let counted = try operation.measured(one.batch)
            sum.count += counted.count
            sum.bytes += counted.bytes
        }
        return sum
    }
}
