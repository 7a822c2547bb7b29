import Glibc

/// Prints a report once, or again and again with `--watch` until the process is stopped.
enum Watch {
    /// Prints what `report` returns.
    /// - Parameters:
    ///   - isOn: whether to go on after the first time.
    ///   - isJSON: one object a line; without it a terminal is redrawn in place.
    ///   - interval: how long to wait in between.
    ///   - report: makes the text.
    /// - Throws: what `report` throws.
    static func run(
        isOn: Bool,
        isJSON: Bool,
        every interval: Duration = .seconds(1),
        _ report: () async throws -> String
    ) async throws {
        let redraws = isOn && !isJSON && isatty(STDOUT_FILENO) == 1
        if redraws { Terminal.write("\u{1B}[2J") }
        repeat {
            let text = try await report()
            if redraws {
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                Terminal.write(Terminal.home + lines.joined(separator: Terminal.clearLine + "\n") + Terminal.clearBelow)
            } else {
                Terminal.write(text)
                if isOn, !isJSON { Terminal.write("\n") }
            }
            if isOn { try await Task.sleep(for: interval) }
        } while isOn
    }
}
