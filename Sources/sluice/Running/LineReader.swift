import Foundation
import Glibc
import PosixSupport

/// Reads the lines of a pipe on a thread of its own, for reading blocks.
enum LineReader {
    /// Longest line that is kept whole, bytes.
    private static let maximumLineBytes = 64 * 1024

    /// Calls `line` for each line until the pipe's other end is closed.
    static func start(_ pipe: Pipe, named name: String, _ line: @escaping @Sendable (String) -> Void) {
        let handle = pipe.fileHandleForReading
        let descriptor = handle.fileDescriptor
        let read: @Sendable () -> Void = {
            var left: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16 * 1024)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
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
        do throws(SystemError) {
            try PosixThread.startDetached(name: name, body: read)
        } catch {
            Terminal.writeError("sluice: \(error); what its child says isn't shown\n")
        }
    }
}
