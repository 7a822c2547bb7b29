import ArgumentParser

/// The flags of commands that print a report.
struct ReportOptions: ParsableArguments {
    @Flag(help: "One JSON text a report, for programs.") var json = false
    @Flag(help: "Print again each second until stopped.") var watch = false
}
