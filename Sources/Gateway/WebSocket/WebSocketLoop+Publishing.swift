import ChangeQueue
import NIOCore
import SluiceCore

extension WebSocketLoop {
    /// Appends a client's record; the answer comes after the commit.
    func publish(_ message: PublishMessage, from handler: WebSocketConnectionHandler) {
        guard message.payload.count <= services.payloadBytes else {
            let error = APIError(
                .payloadTooLarge,
                "The payload has \(message.payload.count) bytes and the limit is \(services.payloadBytes)."
            )
            return handler.refuse(message.id, error)
        }
        switch services.authorizer.decideNow(.publish, topic: message.topic, grant: handler.grant) {
        case .allow?: append(message, from: handler)
        case .deny(let error)?: handler.refuse(message.id, error)
        case nil: authorize(.publish(message), .publish, [message.topic], handler)
        }
    }

    func append(_ message: PublishMessage, from handler: WebSocketConnectionHandler) {
        let accepted = services.now()
        let draft = RecordDraft(
            topic: message.topic,
            payload: message.payload,
            contentType: message.contentType,
            acceptedAtNanoseconds: accepted
        )
        handler.publishBegan()
        bridge.append(.records([draft], by: handler.grant.principalID)) { [services] result in
            switch result {
            case .success(let records):
                services.committed(accepted, records)
                handler.published(message.id, .success(records.last?.sequence ?? .none))
            case .failure(let error):
                handler.published(message.id, .failure(APIError(error)))
            }
            self.flushLater()
        }
    }

    // MARK: - Authorization that takes I/O

    /// Asks the authorizer about each topic; the connection does nothing else until it has answered, so that its
    /// requests keep their order.
    func authorize(
        _ request: ClientRequest,
        _ action: TopicAction,
        _ topics: [Topic],
        _ handler: WebSocketConnectionHandler
    ) {
        let token = makeToken()
        authorizations[token] = PendingAuthorization(connection: handler.key, request: request)
        handler.hold()
        let authorizer = services.authorizer
        let grant = handler.grant
        let inbox = inbox
        // A task, since the authorizer does I/O: this is the way of rules that a back end decides, not of every message.
        services.runTask {
            do throws(APIError) {
                for topic in topics { try await authorizer.authorize(action, topic: topic, grant: grant) }
                inbox.post(.authorized(token: token, .success(())))
            } catch {
                inbox.post(.authorized(token: token, .failure(error)))
            }
        }
    }

    func authorized(_ token: UInt64, _ result: Result<Void, APIError>) {
        guard let pending = authorizations.removeValue(forKey: token), let handler = connections[pending.connection]
        else { return }
        switch (result, pending.request) {
        case (.success, .subscribe(let message)): register(message, for: handler)
        case (.success, .publish(let message)): append(message, from: handler)
        case (.failure(let error), .subscribe(let message)): handler.refuse(message.id, error)
        case (.failure(let error), .publish(let message)): handler.refuse(message.id, error)
        default: break
        }
        handler.goOn()
    }
}
