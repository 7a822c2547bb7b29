import ArgumentParser
import Glibc

/// Asks before something is lost.
enum Confirmation {
    /// Returns when the answer is yes, or was given with `--yes`.
    /// - Parameters:
    ///   - question: what would happen, without its question mark.
    ///   - isGiven: whether `--yes` was given.
    /// - Throws: exit code 1 for any other answer; `usage` when there is no terminal to ask on.
    static func ask(_ question: String, isGiven: Bool) throws {
        guard !isGiven else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandError(.usage, "\(question)? There is no terminal to ask on: say so with --yes.")
        }
        Terminal.writeError("\(question)? [y/N] ")
        let answer = readLine()?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else {
            Terminal.writeError("Nothing was done.\n")
            throw ExitCode.failure
        }
    }
}

/// One line on a terminal that says how far a command is; nothing where standard error is none.
struct ProgressLine {
    private let isOn = isatty(STDERR_FILENO) == 1
    private var last: ContinuousClock.Instant?

    private static let interval = Duration.milliseconds(100)

    /// Shows the text in place of the last one, ten times a second at most.
    mutating func show(_ text: @autoclosure () -> String) {
        let now = ContinuousClock.now
        guard isOn, last.map({ $0.duration(to: now) >= ProgressLine.interval }) ?? true else { return }
        last = now
        Terminal.writeError("\r" + text() + Terminal.clearLine)
    }

    /// Takes the line away.
    func end() {
        if last != nil { Terminal.writeError("\r" + Terminal.clearLine) }
    }
}
