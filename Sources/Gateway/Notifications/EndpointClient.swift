import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceCore

/// Posts notifications to their endpoints.
final class EndpointClient: Sendable {
    private let client: HTTPClient

    /// How long an endpoint may take (developer guide, "Amazon SNS message delivery retries": 15 seconds).
    static let timeoutSeconds = 15
    /// What is read of an answer: its status counts alone.
    private static let answerBytes = 16 * 1_024
    /// Shorter than what servers usually keep an idle connection for.
    private static let idleTimeout = TimeAmount.seconds(4)

    /// Makes a client.
    ///
    /// `maximumConnections`: to one host; subscriptions on a slow host wait for each other no sooner.
    init(maximumConnections: Int) {
        // A redirect could lead to a host that nobody allowed.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maximumConnections
        configuration.connectionPool.idleTimeout = EndpointClient.idleTimeout
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(Int64(EndpointClient.timeoutSeconds))
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(AnswerByteLimit(), position: .first)
            }
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // It keeps itself alive until its connections are closed.
        _ = client.shutdown()
    }

    /// Posts one notification; the timeout covers the whole exchange.
    func post(_ notification: HTTPNotification, to endpoint: String) async -> EndpointAnswer {
        await withTaskGroup(of: EndpointAnswer.self) { group in
            group.addTask { await self.exchange(notification, endpoint) }
            group.addTask {
                // Cancelled when the answer was first; what it says is then not looked at.
                try? await Task.sleep(for: .seconds(EndpointClient.timeoutSeconds))
                if Task.isCancelled { return .cancelled }
                return .failed("the endpoint didn't answer within \(EndpointClient.timeoutSeconds) s")
            }
            defer { group.cancelAll() }
            return await group.next() ?? .cancelled
        }
    }

    private func exchange(_ notification: HTTPNotification, _ endpoint: String) async -> EndpointAnswer {
        var request = HTTPClientRequest(url: endpoint)
        request.method = .POST
        for (name, value) in notification.fields { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: notification.body))
        do {
            let response = try await client.execute(request, timeout: .seconds(Int64(EndpointClient.timeoutSeconds)))
            // Read, so that the connection can be used again; what is longer closes it.
            _ = try? await response.body.collect(upTo: EndpointClient.answerBytes)
            return .status(response.status.code)
        } catch is CancellationError {
            return .cancelled
        } catch {
            return Task.isCancelled ? .cancelled : .failed("the endpoint can't be reached: \(error)")
        }
    }
}
