import AsyncHTTPClient
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import SluiceCore

/// The user's back end: posts one question and reads the answer.
final class BackEnd: Sendable {
    /// Where it is, for the log: without the rest of the URL, which may hold a secret.
    let name: String
    /// Whether tokens travel to it over a network unencrypted.
    let isInTheClear: Bool

    private let client: HTTPClient
    private let request: HTTPClientRequest
    private let timeout: Duration
    private let maximumConnections: Int

    /// Shorter than what servers usually keep an idle connection for (Node 5 s, Apache 5 s), so that few are closed on the other side.
    private static let idleTimeout = TimeAmount.seconds(4)

    init(_ configuration: WebhookConfiguration) throws(AuthorizerConfigurationError) {
        guard let address = HTTPAddress(configuration.url) else {
            throw AuthorizerConfigurationError(
                .invalidURL,
                "The webhook's URL isn't an http or https URL with a host. It isn't shown, since it may hold a password."
            )
        }
        name = "\(address)"
        isInTheClear = address.isInTheClear
        var request = HTTPClientRequest(url: configuration.url)
        request.method = .POST
        request.headers = ["content-type": "application/json", "accept": "application/json"]
        if let token = configuration.bearerToken {
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        self.request = request
        timeout = configuration.timeout
        maximumConnections = max(1, configuration.maximumConnections)
        // A redirect could carry tokens to a host that nobody configured.
        var client = HTTPClient.Configuration(redirectConfiguration: .disallow)
        client.httpVersion = .http1Only
        client.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.maximumConnections
        client.connectionPool.idleTimeout = BackEnd.idleTimeout
        // A back end that refuses connections is known to be down at once, not after the timeout.
        client.connectionPool.retryConnectionEstablishment = false
        client.timeout.connect = .nanoseconds(Int64(clamping: configuration.timeout.wholeNanoseconds))
        client.http1_1ConnectionDebugInitializer = { channel in
            channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(AnswerByteLimit(), position: .first)
            }
        }
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: client)
    }

    deinit {
        // It keeps itself alive until its connections are closed.
        _ = client.shutdown()
    }

    /// Asks one question.
    ///
    /// The timeout covers the whole exchange, body included.
    /// - Throws: ``BackEndFailure``.
    func ask(_ question: WebhookQuestion) async throws(BackEndFailure) -> WebhookAnswer {
        let body = question.json
        let outcome = await withTaskGroup(of: Result<WebhookAnswer, BackEndFailure>.self) { group in
            group.addTask { await self.post(body) }
            group.addTask {
                // Cancelled when the answer was first; what it says is then not looked at.
                try? await Task.sleep(for: self.timeout)
                return .failure(BackEndFailure("it didn't answer within \(self.timeout)"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(BackEndFailure("it wasn't asked"))
        }
        return try outcome.get()
    }

    private func post(_ body: [UInt8]) async -> Result<WebhookAnswer, BackEndFailure> {
        var request = request
        request.body = .bytes(ByteBuffer(bytes: body))
        // An idle connection may have been closed by the back end while the question was on its way; so may all that are kept. Each is found out
        // once, and the last attempt has a new one. Asking changes nothing there, and the timeout covers it all.
        for attempt in 0...maximumConnections {
            do {
                return try await exchange(request)
            } catch  where attempt < maximumConnections && BackEnd.isOfClosedConnection(error) {
                continue
            } catch {
                return .failure(BackEndFailure("\(error)"))
            }
        }
        return .failure(BackEndFailure("it closed every connection"))
    }

    /// Whether a connection was closed before anything came back on it.
    private static func isOfClosedConnection(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as IOError: [ECONNRESET, EPIPE].contains(error.errnoCode)
        case let error as ChannelError: error == .ioOnClosedChannel || error == .eof
        default: false
        }
    }

    private func exchange(_ request: HTTPClientRequest) async throws -> Result<WebhookAnswer, BackEndFailure> {
        let limit = TimeAmount.nanoseconds(Int64(clamping: timeout.wholeNanoseconds))
        let response = try await client.execute(request, timeout: limit)
        var body = try await response.body.collect(upTo: WebhookAnswer.maximumBytes)
        let answer = WebhookAnswer(json: body.readBytes(length: body.readableBytes) ?? [])
        switch response.status {
        case .ok:
            guard let answer else {
                return .failure(BackEndFailure("its answer is not of the form that docs/security.md describes"))
            }
            return .success(answer)
        case .unauthorized, .forbidden:
            return .success(.refused(answer?.reason, isTokenRefused: response.status == .unauthorized))
        default:
            return .failure(BackEndFailure("it answered with status \(response.status.code)"))
        }
    }
}

/// Why the back end gave no answer; for the log, not for clients.
struct BackEndFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A request to the back end that any number of clients wait for.
typealias WebhookRequest = Task<Result<KeptAnswer, APIError>, Never>
