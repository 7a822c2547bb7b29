import ArgumentParser

/// A number of batches that doesn't depend on the clock, for Benchmarks/instructions.py, which lets Callgrind count.
struct Fixed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs one case a fixed number of times; prints the operations in a batch."
    )

    @Option(name: .customLong("case"), help: "The case's name.") var name: String
    @Option(help: "Batches.") var batches = 1

    func run() throws {
        guard let one = Suites.all.first(where: { $0.fullName == name }) else {
            throw ValidationError("There is no case '\(name)'.")
        }
        let operation = try one.make()
        for _ in 0..<batches { _ = try operation.measured(one.batch) }
        print(one.batch)
    }
}
