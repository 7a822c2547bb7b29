import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport

@testable import sluice

/// One real `sluice` process.
final class SluiceProcess: Sendable {
    /// Where it says that it listens, `http://127.0.0.1:PORT`.
    let address: String
    private let processID: pid_t
    private let exit: AsyncStream<Int32>

    /// The port of ``address``.
    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

    /// Starts a process and waits until it listens.
    /// - Throws: ``TestFailure`` with what it logged when it ends before.
    init(_ arguments: [String]) async throws {
        let (exit, ended) = AsyncStream<Int32>.makeStream()
        let (addresses, listening) = AsyncStream<String>.makeStream()
        let lines = Lines()
        let process = Process()
        let output = Pipe()
        let error = Pipe()
        process.executableURL = SluiceProcess.executable
        process.arguments = arguments
        process.environment = SluiceProcess.environment
        process.standardOutput = output
        process.standardError = error
        process.terminationHandler = { process in
            ended.yield(
                process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
            )
            ended.finish()
            listening.finish()
        }
        try process.run()
        LineReader.start(output, named: "test-out") { line in
            if line.hasPrefix("listening ") { listening.yield(String(line.dropFirst("listening ".count))) }
        }
        LineReader.start(error, named: "test-err") { lines.append($0) }
        processID = process.processIdentifier
        self.exit = exit
        guard let address = await addresses.first(where: { _ in true }) else {
            throw TestFailure(
                "sluice \(arguments.joined(separator: " ")) ended:\n" + lines.all.suffix(20).joined(separator: "\n")
            )
        }
        self.address = address
    }

    /// Asks `/readyz` until it answers 200.
    ///
    /// It listens already, so that each question is answered, or says that the process has ended.
    func ready() async throws {
        let limit = ContinuousClock.now + .seconds(30)
        let request = HTTPClientRequest(url: address + "/readyz")
        while true {
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let body = String(buffer: try await answer.body.collect(upTo: 1 << 20))
            if answer.status == .ok { return }
            guard ContinuousClock.now < limit else { throw TestFailure("\(address) isn't ready after 30 s: \(body)") }
        }
    }

    /// Ends the process as a crash would.
    func kill() async {
        Glibc.kill(processID, SIGKILL)
        _ = await exit.first { _ in true }
    }

    /// Drains the process.
    /// - Returns: its exit code.
    func terminate() async -> Int32? {
        Glibc.kill(processID, SIGTERM)
        return await exit.first { _ in true }
    }

    /// For a `defer`: ends the process, if it still runs, without waiting.
    func abandon() { Glibc.kill(processID, SIGKILL) }

    /// Runs a command to its end.
    /// - Returns: its exit code and what it printed to standard output.
    static func run(_ arguments: [String]) async throws -> (code: Int32, output: [UInt8]) {
        try await run(arguments, writingTo: \.standardOutput)
    }

    /// Runs a command to its end.
    /// - Returns: its exit code and what it printed to standard error.
    static func runForErrors(_ arguments: [String]) async throws -> (code: Int32, errors: String) {
        let (code, output) = try await run(arguments, writingTo: \.standardError)
        return (code, String(decoding: output, as: UTF8.self))
    }

    private static func run(
        _ arguments: [String],
        writingTo stream: ReferenceWritableKeyPath<Process, Any?>
    ) async throws -> (code: Int32, output: [UInt8]) {
        // A file and no pipe: a process that another test starts at the same moment may inherit a pipe, and its end would not come.
        let scratch = try ScratchFile("")
        defer { withExtendedLifetime(scratch) {} }
        let file = URL(fileURLWithPath: scratch.path)
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = environment
        process[keyPath: stream] = try FileHandle(forWritingTo: file)
        let (exit, ended) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { ended.yield($0.terminationStatus) }
        try process.run()
        let code = await exit.first { _ in true } ?? -1
        return (code, Array(try Data(contentsOf: file)))
    }

    /// The program that was built with the tests.
    private static var executable: URL {
        if let path = ProcessInfo.processInfo.environment["SLUICE_BINARY"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
            "sluice"
        )
    }

    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SLUICE_") }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
