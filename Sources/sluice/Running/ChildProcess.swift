import Foundation
import Glibc
import PosixSupport

/// One of the processes of `sluice up`: started with pipes, its lines handed over as they come.
struct ChildProcess {
    let part: Setting.Part
    let processID: pid_t
    private let process: Process
    // Held open: its end tells the child that its parent is gone.
    private let lifeline: Pipe

    /// Starts this program's subcommand for `part`.
    /// - Parameters:
    ///   - part: which process.
    ///   - arguments: its flags.
    ///   - lines: called for each line of output; `isError` tells standard error from standard output.
    ///   - ended: called once, with the exit code that a shell would show.
    /// - Throws: `software` when the program can't be started.
    init(
        _ part: Setting.Part,
        arguments: [String],
        lines: @escaping @Sendable (_ line: String, _ isError: Bool) -> Void,
        ended: @escaping @Sendable (_ code: Int32) -> Void
    ) throws(CommandError) {
        self.part = part
        process = Process()
        lifeline = Pipe()
        let output = Pipe()
        let error = Pipe()
        do {
            process.executableURL = URL(
                fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            )
            process.arguments = [part.rawValue, "--until-standard-input-closes"] + arguments
            process.standardInput = lifeline
            process.standardOutput = output
            process.standardError = error
            process.terminationHandler = { process in
                ended(process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus)
            }
            try process.run()
        } catch {
            throw CommandError(.software, "The \(part) can't be started: \(error)")
        }
        processID = process.processIdentifier
        LineReader.start(output, named: "sluice-\(part)-out") { lines($0, false) }
        LineReader.start(error, named: "sluice-\(part)-err") { lines($0, true) }
    }

    /// Asks the process to drain; a second time ends it at once.
    func stop() { kill(processID, SIGTERM) }
}

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
