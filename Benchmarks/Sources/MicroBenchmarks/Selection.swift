import ArgumentParser

/// Which cases a command is about, and how it answers.
struct Selection: ParsableArguments {
    @Option(help: "Only cases whose name begins with this, such as 'fan-out' or 'codec/decode'.") var only = ""
    @Flag(help: "Print JSON.") var json = false

    /// The cases in the order of a record's way.
    var cases: [MicroCase] { Suites.all.filter { $0.fullName.hasPrefix(only) } }

    func validate() throws {
        guard !cases.isEmpty else {
            throw ValidationError(
                "No case begins with '\(only)'. There are: \(Suites.all.map(\.fullName).joined(separator: ", "))."
            )
        }
    }
}
