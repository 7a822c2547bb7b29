import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SluiceCore
import TestSupport

/// A data directory of its own with its gateway and publisher.
final class TestSluice {
    private let scratch = ScratchDirectory(isMade: false)
    let semantics: QueueSemantics
    private var processes: [SluiceProcess] = []

    init(_ semantics: QueueSemantics) {
        self.semantics = semantics
    }

    var directory: String { scratch.path }

    deinit {
        for process in processes { process.abandon() }
    }

    private var common: [String] { ["--data", directory, "--queue", semantics.rawValue] }

    func startGateway(port: Int = 0, _ arguments: String...) async throws -> SluiceProcess {
        let process = try await SluiceProcess(
            ["gateway"] + common + ["--port", "\(port)", "--drain-window", "200ms"] + arguments
        )
        processes.append(process)
        try await process.ready()
        return process
    }

    func startPublisher() async throws -> SluiceProcess {
        let process = try await SluiceProcess(["publisher"] + common)
        processes.append(process)
        try await process.ready()
        return process
    }

    /// Runs a command on the data directory.
    /// - Returns: what it printed with `--json`.
    func command(_ arguments: String...) async throws -> JSONValue {
        let (code, output) = try await SluiceProcess.run(arguments + common + ["--json"])
        guard code == 0 else { throw TestFailure("sluice \(arguments.joined(separator: " ")) ended with \(code)") }
        return try JSONValue(output)
    }

    /// Publishes JSON and returns the record's sequence number.
    static func publish(_ json: String, to topic: String, at gateway: SluiceProcess) async throws -> UInt64 {
        try await publish(json, to: topic, at: gateway.address)
    }

    /// The same at a gateway's address.
    static func publish(_ json: String, to topic: String, at address: String) async throws -> UInt64 {
        var request = HTTPClientRequest(url: address + "/topics/" + topic)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: json))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let body = Array(try await answer.body.collect(upTo: 1 << 20).readableBytesView)
        guard answer.status == .accepted, let sequence = try JSONValue(body)["sequence"]?.unsignedInteger else {
            throw TestFailure("a publish was answered \(answer.status): \(String(decoding: body, as: UTF8.self))")
        }
        return sequence
    }
}
