import Foundation
import Glibc

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
