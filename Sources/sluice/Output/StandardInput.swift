import Glibc
import SluiceCore

/// What a command reads of its standard input.
enum StandardInput {
    static let chunkBytes = 1 << 16

    /// Everything up to its end.
    /// - Throws: `usage` when it is longer than so many bytes, `inputOutput` when it can't be read.
    static func all(upToBytes maximum: Int) throws(CommandError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try chunk() {
            bytes += chunk
            guard bytes.count <= maximum else {
                throw CommandError(.usage, "Standard input is longer than the \(maximum) bytes that the queue takes.")
            }
        }
        return bytes
    }

    /// What can be read now, after waiting for something; nil at its end.
    static func chunk() throws(CommandError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: chunkBytes)
        while true {
            let count = bytes.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count == 0 { return nil }
            if count > 0 { return Array(bytes.prefix(count)) }
            guard errno == EINTR else {
                throw CommandError(.inputOutput, "Standard input can't be read: \(String(cString: strerror(errno))).")
            }
        }
    }

    /// Bytes as text.
    /// - Throws: `usage` when they aren't UTF-8.
    static func text(_ bytes: [UInt8], of what: String) throws(CommandError) -> String {
        guard let text = bytes.withUnsafeBytes({ String(validUTF8: $0) }) else {
            throw CommandError(.usage, "\(what) isn't UTF-8 text; encode it, such as with base64.")
        }
        return text
    }
}

/// Splits standard input into lines as they come, so that what a slow writer has written doesn't wait for more.
struct InputLines {
    /// Bytes of a line; of a longer one only so many and one more are kept, and it is given out at its end.
    let maximumLineBytes: Int
    private var rest: [UInt8] = []
    private var isAtEnd = false

    init(maximumLineBytes: Int) { self.maximumLineBytes = maximumLineBytes }

    /// The lines that have come, without their ends; nil when there are no more.
    mutating func next() throws(CommandError) -> [[UInt8]]? {
        while !isAtEnd {
            guard let chunk = try StandardInput.chunk() else {
                isAtEnd = true
                return rest.isEmpty ? nil : [rest]
            }
            let lines = take(chunk)
            if !lines.isEmpty { return lines }
        }
        return nil
    }

    /// Adds bytes.
    /// - Returns: the lines that they end.
    mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var left = bytes[...]
        while let end = left.firstIndex(of: UInt8(ascii: "\n")) {
            keep(left[..<end])
            lines.append(rest)
            rest = []
            left = left[(end + 1)...]
        }
        keep(left)
        return lines
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) {
        rest += bytes.prefix(max(0, maximumLineBytes + 1 - rest.count))
    }
}
