import FanOut
import NIOCore
import SluiceCore

/// Another token on a connection that lives.
extension WebSocketLoop {
    /// What the authorizer says of a new token.
    private struct Renewal {
        let grant: Grant
        /// Topics that the client is subscribed to and may not have any more.
        let denied: Set<Topic>
    }

    /// Asks the authorizer about a client's new token, and where its patterns aren't the last word, about each topic that the client has; the
    /// connection's requests behind it wait for the answer.
    func authenticate(_ id: MessageID?, _ token: String, for handler: WebSocketConnectionHandler) {
        guard var request = handler.connectRequest else {
            // Who lets everybody do everything looks at no token.
            return handler.renew(handler.grant, id, lost: [])
        }
        request.token = token
        handler.pauseRequests()
        let authorizer = services.authorizer
        let topics = subscribers.topics(of: handler)
        let (key, owner) = (handler.key, handler.grant.principal)
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        // A task, since the authorizer may do I/O: once in a token's life.
        services.runTask { [request] in
            let result: Result<Renewal, APIError>
            do throws(APIError) {
                let grant = try await authorizer.connect(request)
                try WebSocketLoop.check(grant, isOf: owner)
                result = .success(Renewal(grant: grant, denied: try await authorizer.denied(topics, to: grant)))
            } catch {
                result = .failure(error)
            }
            loop.eventLoop.execute { loop.value.authenticated(key, id, result) }
        }
    }

    /// What is counted on somebody's account, and shown as his, stays his.
    private static func check(_ grant: Grant, isOf owner: String?) throws(APIError) {
        guard let owner, ByteString(owner) != grant.principal.map({ ByteString($0) }) else { return }
        throw APIError(
            .forbidden,
            "The token is another client's: this connection is of '\(owner.printable(limit: 80))'. Connect anew with it."
        )
    }

    private func authenticated(_ key: SubscriberKey, _ id: MessageID?, _ result: Result<Renewal, APIError>) {
        guard let handler = subscribers[key] as? WebSocketConnectionHandler else { return }
        switch result {
        case .success(let renewal):
            let lost = subscribers.keep(of: handler) { !renewal.denied.contains($0) }
            handler.renew(renewal.grant, id, lost: lost)
        case .failure(let error): handler.refuse(id, error)
        }
        handler.resumeRequests()
        subscribers.flushes.flush()
    }
}

extension Authorizer {
    /// Those of a client's topics that a grant doesn't allow.
    /// - Throws: `TokenExpired` or `AuthorizerUnavailable`, when that can't be decided.
    fileprivate func denied(_ topics: [Topic], to grant: Grant) async throws(APIError) -> Set<Topic> {
        var denied: Set<Topic> = []
        for topic in topics {
            do throws(APIError) {
                switch decideNow(.subscribe, topic: topic, grant: grant) {
                case .allow?: continue
                case .deny(let error)?: throw error
                case nil: try await authorize(.subscribe, topic: topic, grant: grant)
                }
            } catch {
                guard error.code == .forbidden else { throw error }
                denied.insert(topic)
            }
        }
        return denied
    }
}
