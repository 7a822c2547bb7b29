import FanOut
import NIOCore
import SluiceCore

/// Another token on a connection that lives.
extension WebSocketLoop {
    /// Asks the authorizer about a client's new token; the connection's requests behind it wait for the answer.
    func authenticate(_ id: MessageID?, _ token: String, for handler: WebSocketConnectionHandler) {
        guard var request = handler.connectRequest else {
            // Who lets everybody do everything looks at no token.
            return handler.renew(handler.grant, id, lost: [])
        }
        request.token = token
        handler.pauseRequests()
        let authorizer = services.authorizer
        let key = handler.key
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        // A task, since the authorizer may do I/O: once in a token's life.
        services.runTask { [request] in
            let result: Result<Grant, APIError>
            do throws(APIError) {
                result = .success(try await authorizer.connect(request))
            } catch {
                result = .failure(error)
            }
            loop.eventLoop.execute { loop.value.authenticated(key, id, result) }
        }
    }

    private func authenticated(_ key: SubscriberKey, _ id: MessageID?, _ result: Result<Grant, APIError>) {
        guard let handler = subscribers[key] as? WebSocketConnectionHandler else { return }
        switch result {
        case .success(let grant): take(grant, id, handler)
        case .failure(let error): handler.refuse(id, error)
        }
        handler.resumeRequests()
        subscribers.flushes.flush()
    }

    private func take(_ grant: Grant, _ id: MessageID?, _ handler: WebSocketConnectionHandler) {
        // What is counted on somebody's account, and shown as his, stays his.
        if let principal = handler.grant.principal, ByteString(principal) != grant.principal.map({ ByteString($0) }) {
            let error = APIError(
                .forbidden,
                "The token is another client's: this connection is of '\(principal.printable(limit: 80))'. Connect anew with it."
            )
            return handler.refuse(id, error)
        }
        let lost = subscribers.keep(of: handler) { topic in
            if case .deny = services.authorizer.decideNow(.subscribe, topic: topic, grant: grant) {
                false
            } else {
                true
            }
        }
        handler.renew(grant, id, lost: lost)
    }
}
