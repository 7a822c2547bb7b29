import Glibc

/// Where a command's output goes.
enum Terminal {
    /// Whether colours make sense on the descriptor: it is a terminal, and `NO_COLOR` (no-color.org) isn't set.
    static func hasColours(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && getenv("NO_COLOR") == nil && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Writes text to standard output at once, with no buffer that a reader of a pipe would wait for.
    static func write(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

    /// Writes text to standard error.
    static func writeError(_ text: String) { write(Array(text.utf8), to: STDERR_FILENO) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var left = bytes[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // A reader that has gone away is no reason to fail: the command ends soon anyway.
            guard count > 0 || errno == EINTR else { return }
            if count > 0 { left = left.dropFirst(count) }
        }
    }

    /// Goes to the top left corner; what follows replaces what is there.
    static let home = "\u{1B}[H"
    /// Clears from here to the end of the screen.
    static let clearBelow = "\u{1B}[J"
    /// Clears to the end of the line.
    static let clearLine = "\u{1B}[K"
    static let bold = "\u{1B}[1m"
    static let dim = "\u{1B}[2m"
    static let red = "\u{1B}[31m"
    static let green = "\u{1B}[32m"
    static let blue = "\u{1B}[34m"
    static let magenta = "\u{1B}[35m"
    static let plain = "\u{1B}[0m"
}
