import ChangeQueue
import FanOut
import NIOCore
import SluiceCore

/// The WebSockets of one event loop: what they ask for beyond the fan-out, which is their ``SubscriberLoop``'s.
///
/// Bound to the loop. It decides nothing about the protocol (``ClientSession``, ``MessageAssembler``).
final class WebSocketLoop {
    /// The loop's fan-out.
    let subscribers: SubscriberLoop
    let services: WebSocketServices
    /// Upgrades that are accepted and not installed yet.
    let upgrades: AcceptedUpgrades
    private let bridge: AppendBridge
    private var authorizations: [UInt64: PendingAuthorization] = [:]
    private var lastToken: UInt64 = 0

    var eventLoop: any EventLoop { subscribers.eventLoop }

    init(eventLoop: any EventLoop, services: WebSocketServices) {
        self.services = services
        subscribers = SubscriberLoop(eventLoop: eventLoop, services: services.fanOut)
        bridge = services.bridge(eventLoop)
        upgrades = AcceptedUpgrades(now: services.now)
    }

    // MARK: - Connections

    /// Takes a connection in and gives it its place.
    func add(_ handler: WebSocketConnectionHandler) {
        services.counters.connectionOpened()
        subscribers.add(handler)
    }

    /// A connection is gone, with everything that it had.
    func remove(_ handler: WebSocketConnectionHandler) {
        guard subscribers.remove(handler) else { return }
        services.counters.connectionClosed()
        if handler.isRecorded { services.registry.disconnected(handler.id) }
    }

    // MARK: - Subscribing

    /// Subscribes a connection to topics that it may have.
    func subscribe(_ message: SubscribeMessage, for handler: WebSocketConnectionHandler) {
        for topic in message.topics {
            switch services.authorizer.decideNow(.subscribe, topic: topic, grant: handler.grant) {
            case .allow?: continue
            case .deny(let error)?: return handler.refuse(message.id, error)
            case nil: return authorize(.subscribe(message), .subscribe, message.topics, handler)
            }
        }
        register(message, for: handler)
    }

    /// Subscribes a connection to topics that the authorizer allows.
    func register(_ message: SubscribeMessage, for handler: WebSocketConnectionHandler) {
        let request = SubscribeRequest(
            entries: message.entries,
            epoch: message.epoch,
            wish: SubscriptionWish(format: message.encoding.formatID(handler.compression?.window))
        )
        handler.subscribeBegan()
        subscribers.barrier.subscribe(request, for: handler) { [unowned handler, services] result in
            handler.subscribeEnded()
            switch result {
            case .success(let topics):
                services.accessLog.subscribed(handler.id, topics, handler.grant.principal, from: handler.client)
                handler.subscribed(message.id, topics)
            case .failure(let failure): handler.refuse(message.id, APIError(failure))
            }
        }
    }

    /// Removes subscriptions; a subscribe that isn't answered yet is answered first.
    func unsubscribe(_ topics: [Topic], _ id: MessageID?, for handler: WebSocketConnectionHandler) {
        subscribers.barrier.unsubscribe(topics, for: handler)
        let reply = handler.unsubscribedReply(id, topics)
        subscribers.barrier.afterReplies(to: handler) { [unowned handler] in handler.answer(reply) }
    }

    // MARK: - Publishing

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

    private func append(_ message: PublishMessage, from handler: WebSocketConnectionHandler) {
        if let error = services.limiter?.refusal(
            ofRecords: 1,
            bytes: message.payload.count,
            by: handler.grant,
            from: handler.client,
            on: &handler.pace.publishes
        ) {
            return handler.refuse(message.id, error)
        }
        let accepted = services.now()
        let draft = RecordDraft(
            topic: message.topic,
            payload: message.payload,
            contentType: message.contentType,
            acceptedAtNanoseconds: accepted
        )
        handler.publishBegan()
        bridge.append(.records([draft], by: handler.grant.principalID)) { [services, subscribers] result in
            switch result {
            case .success(let records):
                services.committed(accepted, records)
                services.accessLog.published(
                    message.topic,
                    records.count,
                    bytes: message.payload.count,
                    by: handler.grant.principal,
                    from: handler.client
                )
                handler.published(message.id, .success(records.last?.sequence ?? .none))
            case .failure(let error):
                handler.published(message.id, .failure(APIError(error)))
            }
            subscribers.flushes.flushLater()
        }
    }

    // MARK: - Authorization that takes I/O

    /// Asks the authorizer about each topic; the connection does nothing else until it has answered, so that its requests keep their order.
    private func authorize(
        _ request: ClientRequest,
        _ action: TopicAction,
        _ topics: [Topic],
        _ handler: WebSocketConnectionHandler
    ) {
        lastToken += 1
        let token = lastToken
        authorizations[token] = PendingAuthorization(connection: handler.key, request: request)
        handler.pauseRequests()
        let authorizer = services.authorizer
        let grant = handler.grant
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        // A task, since the authorizer does I/O: this is the way of rules that a back end decides, not of every message.
        services.runTask {
            let result: Result<Void, APIError>
            do throws(APIError) {
                for topic in topics { try await authorizer.authorize(action, topic: topic, grant: grant) }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            loop.eventLoop.execute { loop.value.authorized(token, result) }
        }
    }

    private func authorized(_ token: UInt64, _ result: Result<Void, APIError>) {
        guard let pending = authorizations.removeValue(forKey: token),
            let handler = subscribers[pending.connection] as? WebSocketConnectionHandler
        else { return }
        switch (result, pending.request) {
        case (.success, .subscribe(let message)): register(message, for: handler)
        case (.success, .publish(let message)): append(message, from: handler)
        case (.failure(let error), .subscribe(let message)): handler.refuse(message.id, error)
        case (.failure(let error), .publish(let message)): handler.refuse(message.id, error)
        default: break
        }
        handler.resumeRequests()
        subscribers.flushes.flush()
    }
}

/// What a connection asked for while the authorizer asks somebody else.
private struct PendingAuthorization {
    /// Who asked.
    let connection: SubscriberKey
    /// For what.
    let request: ClientRequest
}
