import Foundation
import Glibc

/// Reads the lines of a pipe on a thread of its own, for reading blocks.
enum LineReader {
    /// Longest line that is kept whole, bytes.
    private static let maximumLineBytes = 64 * 1024

    /// Calls `line` for each line until the pipe's other end is closed.
    static func start(_ pipe: Pipe, named name: String, _ line: @escaping @Sendable (String) -> Void) {
        let handle = pipe.fileHandleForReading
        let descriptor = handle.fileDescriptor
        let thread = Thread {
            var left: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16 * 1024)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                left.append(contentsOf: buffer[..<count])
                while let end = left.firstIndex(of: UInt8(ascii: "\n")) {
                    line(String(decoding: left[..<end], as: UTF8.self))
                    left.removeSubrange(...end)
                }
                if left.count > maximumLineBytes {
                    line(String(decoding: left, as: UTF8.self))
                    left.removeAll()
                }
            }
            if !left.isEmpty { line(String(decoding: left, as: UTF8.self)) }
            try? handle.close()
        }
        thread.name = name
        thread.start()
    }
}
