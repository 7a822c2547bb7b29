import ChangeQueue
import NIOCore
import SluiceCore

/// Asking before reading: a publish's body is read once its client may publish, not before.
extension HTTPConnectionHandler {
    /// Gets the client's grant, at once if it is known.
    func authorize(_ publish: IncomingPublish) {
        if let grant = service.openGrant { return decide(publish, grant) }
        let key = GrantKey(service.basis, publish.request, from: publish.client, cookie: service.tokenCookie)
        if let grant = grants.grant(for: key, wallNanoseconds: StageClock.wallNanoseconds()) {
            return decide(publish, grant)
        }
        let request: ConnectRequest
        do throws(APIError) {
            request = try ConnectRequest(
                publish.request,
                client: publish.client,
                certificate: connection.certificate,
                isWebSocket: false,
                cookie: service.tokenCookie
            )
        } catch {
            return refuseHead(publish, error)
        }
        let authorizer = service.authorizer
        wait(publish) { () async throws(APIError) -> Grant in
            try await authorizer.connect(request)
        } then: { handler, grant in
            handler.grants.keep(grant, for: key, wallNanoseconds: StageClock.wallNanoseconds())
            handler.decide(publish, grant)
        }
    }

    /// Looks at what the request's head says of topics; those of a batch stand in its body.
    private func decide(_ publish: IncomingPublish, _ grant: Grant) {
        switch publish.target {
        case .invalid(let error): refuseHead(publish, error)
        case .batch: connection.admit(publish.number, grant, now: service.now())
        case .topic(let topic):
            switch service.authorizer.decideNow(.publish, topic: topic, grant: grant) {
            case .allow?: connection.admit(publish.number, grant, now: service.now())
            case .deny(let error)?: refuseHead(publish, error)
            case nil:
                let authorizer = service.authorizer
                wait(publish) { () async throws(APIError) -> Void in
                    try await authorizer.authorize(.publish, topic: topic, grant: grant)
                } then: { handler, _ in
                    handler.connection.admit(publish.number, grant, now: handler.service.now())
                }
            }
        }
    }

    private func refuseHead(_ publish: IncomingPublish, _ error: APIError) {
        connection.refuseHead(publish.number, error, now: service.now())
    }

    /// Waits for a decision about a publish's head; nothing is read meanwhile.
    private func wait<Value: Sendable>(
        _ publish: IncomingPublish,
        _ ask: @escaping @Sendable () async throws(APIError) -> Value,
        then: @escaping (HTTPConnectionHandler, Value) -> Void
    ) {
        connection.waitForAuthorizer(now: service.now())
        askAuthorizer(ask) { handler, result in
            // The connection may be gone, or the publish refused; the connection knows.
            switch result {
            case .success(let value): then(handler, value)
            case .failure(let error): handler.refuseHead(publish, error)
            }
            handler.perform()
        }
    }

    /// Waits for a decision that needs I/O, then goes on on the loop.
    func askAuthorizer<Value: Sendable>(
        _ ask: @escaping @Sendable () async throws(APIError) -> Value,
        then: @escaping (HTTPConnectionHandler, Result<Value, APIError>) -> Void
    ) {
        guard let eventLoop = context?.eventLoop else { return }
        let loopBound = NIOLoopBound((self, then), eventLoop: eventLoop)
        // A task of its own: the event loop can't wait, and this is off the hot path (once a connection, or the
        // webhook's cache is cold).
        Task {
            let result: Result<Value, APIError>
            do throws(APIError) {
                result = .success(try await ask())
            } catch {
                result = .failure(error)
            }
            eventLoop.execute {
                let (handler, then) = loopBound.value
                then(handler, result)
            }
        }
    }
}
