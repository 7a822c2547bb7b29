import Glibc

/// Where a command's output goes.
enum Terminal {
    /// Whether colours make sense on the descriptor: it is a terminal, and `NO_COLOR` (no-color.org) isn't set.
    static func hasColours(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && getenv("NO_COLOR") == nil && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Writes text to standard output at once, with no buffer that a reader of a pipe would wait for.
    static func write(_ text: String) { _ = tryToWrite(text) }

    /// The same.
    /// - Returns: whether all of it has been written: a reader may be gone.
    static func tryToWrite(_ text: String) -> Bool { write(Array(text.utf8), to: STDOUT_FILENO) }

    /// Writes text to standard error.
    static func writeError(_ text: String) { _ = write(Array(text.utf8), to: STDERR_FILENO) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // A reader that has gone away is no reason to fail: the command ends soon anyway.
            guard count > 0 || errno == EINTR else { return false }
            if count > 0 { left = left.dropFirst(count) }
        }
        return true
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

/// Times as people and programs read them.
enum WallClock {
    /// `2026-03-01T12:30:45.123Z`, for nanoseconds since 1970.
    static func text(nanoseconds: UInt64) -> String {
        var seconds = time_t(clamping: nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = strftime(text.baseAddress, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
            let milliseconds = String(nanoseconds / 1_000_000 % 1_000 + 1_000).dropFirst()
            return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
                + ".\(milliseconds)Z"
        }
    }
}

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
            } else if !Terminal.tryToWrite(isOn && !isJSON ? text + "\n" : text) {
                // A reader that has gone, such as `head`, has seen enough.
                guard errno != EPIPE else { return }
                throw CommandError(
                    .inputOutput,
                    "Standard output can't be written: \(String(cString: strerror(errno)))."
                )
            }
            if isOn { try await Task.sleep(for: interval) }
        } while isOn
    }
}
