import ChangeQueue
import Foundation
import LocalStorage
import Logging
import ServiceLifecycle
import TestSupport

@testable import Gateway

/// A whole gateway on a free port, with a data directory of its own.
struct RunningGateway {
    let port: Int
    let directory: String
    let shutDown: @Sendable () async -> Void

    /// Runs a gateway around `body`; it has shut down gracefully when this returns.
    static func run(
        authorizer: any Authorizer = AllowAllAuthorizer(),
        handlers: [RequestHandler] = [],
        configure: (inout GatewayConfiguration) throws -> Void = { _ in },
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let directory = ScratchDirectory(isMade: false)
        defer { withExtendedLifetime(directory) {} }
        var configuration = GatewayConfiguration()
        configuration.dataDirectory = directory.path
        configuration.port = 0
        // The host that the tests' requests name.
        configuration.allowedHosts = ["a"]
        configuration.drainWindow = .milliseconds(50)
        configuration.log.mapSizeBytes = 64 << 20
        try configure(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        var gateway = Gateway(configuration: configuration, authorizer: authorizer, handlers: handlers, logger: logger)
        gateway.onListening = { number in
            port.yield(number)
            port.finish()
        }
        let services = ServiceGroup(services: [gateway], logger: logger)
        async let running: Void = {
            defer { port.finish() }
            try await services.run()
        }()
        var number: Int?
        for await listening in ports { number = listening }
        guard let number else { return try await running }
        do {
            try await body(
                RunningGateway(
                    port: number,
                    directory: directory.path,
                    shutDown: { await services.triggerGracefulShutdown() }
                )
            )
        } catch {
            await services.triggerGracefulShutdown()
            try await running
            throw error
        }
        await services.triggerGracefulShutdown()
        try await running
    }

    /// Sends one request on a connection of its own and returns the whole answer.
    func send(_ method: String, _ path: String, _ body: String? = nil, fields: [String] = []) async throws -> RawAnswer
    {
        let client = try await RawClient.connect(port: port)
        var request = "\(method) \(path) HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        for field in fields { request += field + "\r\n" }
        if let body { request += "content-length: \(body.utf8.count)\r\n" }
        try await client.send(request + "\r\n" + (body ?? ""))
        return RawAnswer(text: try await client.receivedAll())
    }
}

/// An HTTP answer, taken apart.
struct RawAnswer {
    let status: Int
    let fields: [String: String]
    let body: String

    init(text: String) {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let lines = parts[0].split(separator: "\r\n")
        status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            fields[pair[0].lowercased()] = pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : ""
        }
        self.fields = fields
        body = parts.count > 1 ? String(parts[1]) : ""
    }

    /// The body without the log's epoch, which is another one each time.
    var bodyButEpoch: String { body.replacing(/,"epoch":"[0-9a-f.]+"/, with: "") }

    /// The code of the error in the body.
    var code: String? {
        body.split(separator: "\"code\":\"").dropFirst().first.map { String($0.prefix { $0 != "\"" }) }
    }
}
