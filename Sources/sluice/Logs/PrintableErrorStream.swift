import SluiceCore

/// Standard error for log lines: what they quote from outside can neither begin a line of its own nor command the terminal.
struct PrintableErrorStream: TextOutputStream, Sendable {
    mutating func write(_ line: String) {
        Terminal.writeError(line.hasSuffix("\n") ? String(line.dropLast()).printable + "\n" : line.printable)
    }
}
