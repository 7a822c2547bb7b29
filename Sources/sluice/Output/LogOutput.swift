import Dispatch
import Synchronization

/// Standard error for log lines, written by a queue of its own: whoever reads it may stand still, and nothing else does.
///
/// Lines that find no room are counted, and said when there is room again.
final class LogOutput: Sendable {
    /// The process's.
    static let standardError = LogOutput(write: Terminal.writeError)

    private let queue = DispatchQueue(label: "sluice.logs")
    private let buffer: Mutex<LogBuffer>
    private let write: @Sendable (String) -> Void

    /// Makes an output.
    /// - Parameters:
    ///   - maximumBytes: what may wait.
    ///   - write: writes text and may block.
    init(maximumBytes: Int = 1 << 20, write: @escaping @Sendable (String) -> Void) {
        buffer = Mutex(LogBuffer(maximumBytes: maximumBytes))
        self.write = write
    }

    /// Has a line written, with its end; never blocks.
    /// - Parameters:
    ///   - line: the line.
    ///   - leftOut: makes the line that says how many were left out before it.
    func add(_ line: String, leftOut: (Int) -> String) {
        guard buffer.withLock({ $0.add(line, leftOut: leftOut) }) else { return }
        queue.async { [self] in while let text = buffer.withLock({ $0.next() }) { write(text) } }
    }

    /// What is said about lines that were left out.
    static func notice(_ count: Int) -> String { "\(count) log lines were left out: whoever reads them stood still" }

    /// Waits until everything is written, a second at most: for the end of the process.
    func flush() {
        let isWritten = DispatchSemaphore(value: 0)
        queue.async { isWritten.signal() }
        _ = isWritten.wait(timeout: .now() + 1)
    }
}

/// Lines that wait to be written.
struct LogBuffer {
    let maximumBytes: Int
    private var waiting = ""
    private var leftOut = 0
    private var isBeingWritten = false

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Adds a line, behind one that says how many were left out before it, or counts it as left out.
    /// - Returns: whether the writing has to begin.
    mutating func add(_ line: String, leftOut notice: (Int) -> String) -> Bool {
        guard waiting.utf8.count + line.utf8.count <= maximumBytes else {
            leftOut += 1
            return false
        }
        if leftOut > 0 { waiting += notice(leftOut) }
        leftOut = 0
        waiting += line
        defer { isBeingWritten = true }
        return !isBeingWritten
    }

    /// What is to be written next; nil when there is nothing, and the writing ends.
    mutating func next() -> String? {
        guard !waiting.isEmpty else {
            isBeingWritten = false
            return nil
        }
        defer { waiting = "" }
        return waiting
    }
}
