import ChangeQueue
import NIOCore
import SluiceCore

/// From the complete request to the log.
extension PublishHandler {
    /// Gets the client's grant, at once if it is known.
    func authorize(_ publish: IncomingPublish) {
        if let grant = service.openGrant { return check(publish, grant) }
        let key = publish.grantKey
        if let grant = grants.grant(for: key, wallNanoseconds: StageClock.wallNanoseconds()) {
            return check(publish, grant)
        }
        let request: ConnectRequest
        do throws(APIError) {
            request = try ConnectRequest(
                publish.request,
                remoteAddress: context?.channel.remoteAddress,
                isWebSocket: false
            )
        } catch {
            return answer(publish.number, .refused(error))
        }
        let authorizer = service.authorizer
        askAuthorizer(publish.number) { () async throws(APIError) -> Grant in
            try await authorizer.connect(request)
        } then: { handler, grant in
            handler.grants.keep(grant, for: key, wallNanoseconds: StageClock.wallNanoseconds())
            handler.check(publish, grant)
        }
    }

    /// Reads the body, checks that the client may publish to its topics, and appends.
    private func check(_ publish: IncomingPublish, _ grant: Grant) {
        let drafts: [RecordDraft]
        do throws(APIError) {
            drafts = try publish.drafts(limits: service.limits)
        } catch {
            return answer(publish.number, .refused(error))
        }
        var undecided: [Topic] = []
        for draft in drafts {
            switch service.authorizer.decideNow(.publish, topic: draft.topic, grant: grant) {
            case .allow?: break
            case .deny(let error)?: return answer(publish.number, .refused(error))
            case nil: undecided.append(draft.topic)
            }
        }
        if undecided.isEmpty { return append(drafts, for: publish) }
        let authorizer = service.authorizer
        askAuthorizer(publish.number) { [undecided] () async throws(APIError) -> Void in
            for topic in undecided { try await authorizer.authorize(.publish, topic: topic, grant: grant) }
        } then: { handler, _ in
            handler.append(drafts, for: publish)
        }
    }

    private func append(_ drafts: [RecordDraft], for publish: IncomingPublish) {
        bridge.append(.records(drafts)) { [self] result in
            switch result {
            case .success(let records):
                service.committed(publish.acceptedAtNanoseconds, records)
                if publish.target == .batch {
                    answer(publish.number, .acceptedBatch(records.map(\.sequence)))
                } else if let record = records.first {
                    answer(publish.number, .accepted(record.sequence))
                }
            case .failure(let error):
                answer(publish.number, .refused(error.apiError))
            }
        }
    }

    /// Waits for a decision that needs I/O, then goes on on the loop.
    private func askAuthorizer<Value: Sendable>(
        _ number: UInt64,
        _ ask: @escaping @Sendable () async throws(APIError) -> Value,
        then: @escaping (PublishHandler, Value) -> Void
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
                switch result {
                case .success(let value): then(handler, value)
                case .failure(let error): handler.answer(number, .refused(error))
                }
            }
        }
    }
}
