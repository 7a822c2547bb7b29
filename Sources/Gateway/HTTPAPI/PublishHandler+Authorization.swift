import ChangeQueue
import NIOCore
import SluiceCore

/// Asking before reading: a publish's body is read once its client may publish, not before.
extension PublishHandler {
    /// Gets the client's grant, at once if it is known.
    func authorize(_ publish: IncomingPublish) {
        if let grant = service.openGrant { return decide(publish, grant) }
        let key = GrantKey(service.basis, publish.request)
        if let grant = grants.grant(for: key, wallNanoseconds: StageClock.wallNanoseconds()) {
            return decide(publish, grant)
        }
        let request: ConnectRequest
        do throws(APIError) {
            request = try ConnectRequest(
                publish.request,
                remoteAddress: context?.channel.remoteAddress,
                isWebSocket: false
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
        case .batch: admit(publish, grant)
        case .topic(let topic):
            switch service.authorizer.decideNow(.publish, topic: topic, grant: grant) {
            case .allow?: admit(publish, grant)
            case .deny(let error)?: refuseHead(publish, error)
            case nil:
                let authorizer = service.authorizer
                wait(publish) { () async throws(APIError) -> Void in
                    try await authorizer.authorize(.publish, topic: topic, grant: grant)
                } then: { handler, _ in
                    handler.admit(publish, grant)
                }
            }
        }
    }

    /// Reads the body.
    private func admit(_ publish: IncomingPublish, _ grant: Grant) {
        var publish = publish
        publish.grant = grant
        incoming = publish
        if publish.head.expectsContinue { sendContinue() }
        goOn(.publish)
    }

    /// Refuses a publish whose body hasn't been read.
    ///
    /// A small one is read past, so that the connection can go on (RFC 9112,
    /// section 9.3); a client that asked whether to send its body may do either now (RFC 9110, section 10.1.1).
    private func refuseHead(_ publish: IncomingPublish, _ error: APIError) {
        incoming = nil
        guard let length = publish.head.bodyLength, length <= service.limits.discardedBytes,
            !publish.head.expectsContinue, !endsAfterThis, !isDraining, !isInputClosed
        else {
            reading = .ended
            return refuse(publish.number, error)
        }
        goOn(.discarding)
        answer(publish.number, .refused(error))
    }

    /// Goes on after the authorizer has answered, perhaps at once.
    private func goOn(_ next: Reading) {
        let hasWaited = reading == .authorizing
        reading = next
        waitingShare = nil
        guard hasWaited else { return }
        // The client's time for the body begins now: it couldn't be read before.
        deadlines.headRead(now: service.now())
        lookAtDeadlines()
        releaseHeld()
        resumeReading()
    }

    /// Waits for a decision about a publish's head; nothing is read meanwhile.
    private func wait<Value: Sendable>(
        _ publish: IncomingPublish,
        _ ask: @escaping @Sendable () async throws(APIError) -> Value,
        then: @escaping (PublishHandler, Value) -> Void
    ) {
        reading = .authorizing
        incoming = publish
        // A slow authorizer isn't the client's fault.
        deadlines.bodyRead(now: service.now())
        askAuthorizer(ask) { handler, result in
            // The connection may be gone.
            guard handler.reading == .authorizing, handler.incoming?.number == publish.number else { return }
            switch result {
            case .success(let value): then(handler, value)
            case .failure(let error): handler.refuseHead(publish, error)
            }
        }
    }

    /// Waits for a decision that needs I/O, then goes on on the loop.
    func askAuthorizer<Value: Sendable>(
        _ ask: @escaping @Sendable () async throws(APIError) -> Value,
        then: @escaping (PublishHandler, Result<Value, APIError>) -> Void
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
