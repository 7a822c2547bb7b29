import ArgumentParser

/// Measures parts of a record's way one by one, within this process: their times, their allocations, and, under Callgrind, their instructions.
@main
struct MicroBenchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures the parts of a record's way one by one.",
        subcommands: [Times.self, ListCases.self, Allocations.self, AllocationStacks.self, Fixed.self],
        defaultSubcommand: Times.self
    )
}
