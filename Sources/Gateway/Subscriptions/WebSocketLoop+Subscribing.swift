import ChangeQueue
import NIOCore
import SluiceCore

/// The subscribe barrier: held in the index first, then committed to the registry, then answered, then let in.
extension WebSocketLoop {
    /// Begins a client's subscribe with the authorizer.
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

    /// Holds the subscriptions and has the registry commit the interest.
    ///
    /// Every record that is committed after that comes to this gateway.
    func register(_ message: SubscribeMessage, for handler: WebSocketConnectionHandler) {
        let slot = handler.slot
        let added = message.entries.count { index.ticket(of: slot, for: $0.topic) == nil }
        let limit = services.configuration.subscriptionsPerConnection
        guard index.count(of: slot) + added <= limit else {
            let error = APIError(
                .tooManySubscriptions,
                "The connection has \(index.count(of: slot)) subscriptions, \(added) more were asked for, and the limit is \(limit)."
            )
            return handler.refuse(message.id, error)
        }
        let token = makeToken()
        var pending = PendingSubscribe(connection: handler.key, id: message.id, encoding: message.encoding, entries: [])
        for entry in message.entries {
            // One that stands goes on, unless the client wants to start over from a number.
            let stands = entry.after == nil && index.ticket(of: slot, for: entry.topic) != nil
            let ticket = stands ? nil : index.subscribe(slot, to: entry.topic, message.encoding)
            pending.entries.append(.init(topic: entry.topic, after: entry.after, ticket: ticket))
        }
        subscribes[token] = pending
        handler.lastSubscribe = token
        handler.subscribeBegan()
        services.registry.subscribe(handler.id, message.topics) { [inbox] result in
            inbox.post(.registered(token: token, result))
        }
    }

    /// The interest is committed: what comes after each topic's newest record of now is promised, what is before may be
    /// wanted as history.
    func registered(_ token: UInt64, _ result: Result<Void, APIError>) {
        guard var pending = subscribes[token], connections[pending.connection] != nil else {
            subscribes[token] = nil
            return
        }
        do {
            try result.get()
            for position in pending.entries.indices {
                pending.entries[position].head = try services.head(pending.entries[position].topic)
            }
            try judgeForeignNumbers(&pending)
        } catch {
            return fail(token, APIError(reading: error))
        }
        pending.beginWalks(maximumRecords: services.configuration.resumeRecords)
        subscribes[token] = pending
        goOnWalking(token)
    }

    /// The chains have been walked by a slice.
    func walked(_ token: UInt64, _ result: Result<[HistoryWalk], APIError>) {
        switch result {
        case .failure(let error): fail(token, error)
        case .success(let walks):
            subscribes[token]?.took(walks)
            goOnWalking(token)
        }
    }

    /// What was to be read for a connection isn't.
    func dropped(_ token: UInt64) {
        subscribes[token] = nil
        catchUps[token] = nil
    }

    /// Has the chains walked by a slice more, or answers when there is nothing left that somebody wants.
    private func goOnWalking(_ token: UInt64) {
        guard var pending = subscribes[token], let handler = connections[pending.connection] else {
            subscribes[token] = nil
            return
        }
        pending.keepWalks { index.holds($0, of: handler.slot) }
        subscribes[token] = pending
        let walks = pending.walks
        if walks.isEmpty { return answer(token) }
        let work = HistoryWork(
            run: { [history = services.history, inbox] in
                let result = Result { try history.advance(walks) }.mapError { APIError(reading: $0) }
                inbox.post(.walked(token: token, result))
            },
            drop: { [inbox] in inbox.post(.dropped(token: token)) }
        )
        services.offload(work, handler.asker)
    }

    /// Removes subscriptions; a subscribe that isn't answered yet is answered first.
    func unsubscribe(_ topics: [Topic], _ id: MessageID?, for handler: WebSocketConnectionHandler) {
        for topic in topics { index.unsubscribe(handler.slot, from: topic) }
        services.registry.unsubscribe(handler.id, topics)
        let reply = handler.unsubscribedReply(id, topics)
        if let token = handler.lastSubscribe, subscribes[token] != nil {
            subscribes[token]?.followUps.append(reply)
        } else {
            handler.answer(reply)
        }
    }

    // MARK: - The end of a subscribe

    /// A number above everything that this log ever gave is another log's: all of this one may be new to the client.
    private func judgeForeignNumbers(_ pending: inout PendingSubscribe) throws {
        for position in pending.entries.indices {
            let entry = pending.entries[position]
            guard let after = entry.after, after > entry.head, after > (try services.history.lastSequence()) else {
                continue
            }
            let gap = SequenceGap(from: SequenceNumber(1), to: entry.head.next)
            pending.entries[position].history = TopicHistory(sequences: [], gap: gap)
        }
    }

    /// The barrier: `subscribed` first, then the topics' events.
    private func answer(_ token: UInt64) {
        guard let pending = subscribes.removeValue(forKey: token), let handler = connections[pending.connection] else {
            return
        }
        handler.subscribeEnded()
        handler.subscribed(pending.id, pending.reply())
        for reply in pending.followUps { handler.answer(reply) }
        for entry in pending.entries {
            guard let ticket = entry.ticket, index.holds(ticket, of: pending.connection.slot) else { continue }
            var catchUp = CatchUp(
                connection: pending.connection,
                topic: entry.topic,
                ticket: ticket,
                encoding: pending.encoding,
                sent: entry.history == nil ? entry.head : min(entry.after ?? entry.head, entry.head)
            )
            if let history = entry.history { catchUp.walked(head: entry.head, history) }
            goOn(makeToken(), catchUp)
        }
    }

    /// The subscribe came to nothing: what it began is undone.
    private func fail(_ token: UInt64, _ error: APIError) {
        guard let pending = subscribes.removeValue(forKey: token), let handler = connections[pending.connection] else {
            return
        }
        handler.subscribeEnded()
        let begun = pending.entries.filter { entry in
            entry.ticket.map { index.holds($0, of: pending.connection.slot) } ?? false
        }
        for entry in begun { index.unsubscribe(pending.connection.slot, from: entry.topic) }
        services.registry.unsubscribe(handler.id, begun.map(\.topic))
        handler.refuse(pending.id, error)
        for reply in pending.followUps { handler.answer(reply) }
    }
}
