import ArgumentParser
import CMeasuredSection

/// Prints where one case's allocations come from, for Benchmarks/allocation_stacks.py: a line for each with its bytes and its return
/// addresses, innermost first.
struct AllocationStacks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocation-stacks",
        abstract: "Prints the stack of every allocation of one batch."
    )

    @Option(name: .customLong("case"), help: "The case's name.") var name: String

    func run() throws {
        guard let one = Suites.all.first(where: { $0.fullName == name }) else {
            throw ValidationError("There is no case '\(name)'.")
        }
        let operation = try one.make()
        for _ in 0..<20 { _ = try operation.measured(one.batch) }
        let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 1 << 22)
        defer { words.deallocate() }
        measured_stacks_begin(words.baseAddress, words.count)
        _ = try operation.measured(one.batch)
        measured_stacks_begin(nil, 0)
        printStacks(words)
    }

    private func printStacks(_ words: UnsafeMutableBufferPointer<UInt64>) {
        let base = measured_executable_base()
        var index = 0
        while index + 1 < words.count, words[index] > 0 {
            let frames = words[index + 2..<index + 2 + Int(words[index])]
            // One back, into the call instead of behind it.
            print(words[index + 1], frames.map { String($0 &- base &- 1, radix: 16) }.joined(separator: " "))
            index += 2 + frames.count
        }
    }
}
