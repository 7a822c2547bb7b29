import NIOCore
package import SluiceCore

/// The way of a subscribe: hold the subscriptions, have the registry commit the interest, walk the chains that the client wants history of, reply,
/// and let history and new records follow.
///
/// When a client has its reply, every record whose publish begins afterwards reaches it (docs/architecture.md, "The two promises").
package final class SubscribeBarrier {
    private let parts: LoopParts
    private let catchUps: CatchUps
    private var pending: [UInt64: PendingSubscribe] = [:]
    // The subscribes of a subscriber that aren't answered, in their order.
    private var pendingOf: [SubscriberKey: [UInt64]] = [:]
    private var lastToken: UInt64 = 0

    private var services: FanOutServices { parts.services }
    private var members: LoopMembers { parts.members }

    init(_ parts: LoopParts, _ catchUps: CatchUps) {
        self.parts = parts
        self.catchUps = catchUps
    }

    /// Subscribes that wait for their reply.
    var count: Int { pending.count }

    /// Subscribes to topics that the client may have.
    ///
    /// `reply` is called on the loop, at once when the subscriber would have too many, and before the first event of the topics; it isn't called
    /// for a subscriber that is gone.
    package func subscribe(
        _ request: SubscribeRequest,
        for subscriber: any Subscriber,
        reply: @escaping (Result<[SubscribedTopic], SubscribeFailure>) -> Void
    ) {
        let slot = subscriber.slot
        guard members.table[subscriber.key] === subscriber else { return }
        let wish = request.wish
        let added = request.entries.count { members.index.ticket(of: slot, for: $0.topic, wish.id) == nil }
        let present = members.index.count(of: slot)
        let limit = services.limits.subscriptionsPerSubscriber
        guard present + added <= limit else {
            return reply(.failure(.tooMany(present: present, added: added, limit: limit)))
        }
        lastToken += 1
        let token = lastToken
        let entries = request.entries.map { entry in
            // One that stands goes on, unless the client wants to start over from a number.
            let stands = entry.after == nil && members.index.ticket(of: slot, for: entry.topic, wish.id) != nil
            let ticket = stands ? nil : members.index.subscribe(slot, to: entry.topic, wish)
            return PendingSubscribe.Entry(topic: entry.topic, after: entry.after, ticket: ticket)
        }
        pending[token] = PendingSubscribe(
            subscriber: subscriber.key,
            wish: wish,
            epoch: request.epoch,
            entries: entries,
            reply: reply
        )
        pendingOf[subscriber.key, default: []].append(token)
        services.subscribe(subscriber.id, request.entries.map(\.topic)) { [inbox = parts.inbox] result in
            inbox.post(.registered(token: token, result))
        }
    }

    /// Removes subscriptions: those of `id`, or all that the subscriber has to these topics.
    package func unsubscribe(_ topics: [Topic], _ id: SubscriptionID? = nil, for subscriber: any Subscriber) {
        let slot = subscriber.slot
        for topic in topics {
            let ids = id.map { [$0] } ?? members.index.ids(of: slot, for: topic)
            for id in ids { members.index.unsubscribe(slot, from: topic, id) }
        }
        // The registry knows topics, not how often a client has them.
        let unwanted = topics.filter { !members.index.hasAny(slot, of: $0) }
        if !unwanted.isEmpty { services.unsubscribe(subscriber.id, unwanted) }
    }

    /// Calls `body` when the subscriber's subscribes up to now have their replies: at once if none waits.
    package func afterReplies(to subscriber: any Subscriber, _ body: @escaping () -> Void) {
        if let token = pendingOf[subscriber.key]?.last {
            pending[token]?.followUps.append(body)
        } else {
            body()
        }
    }

    // MARK: - What other threads have done

    /// The interest is committed: what comes after each topic's newest record of now is promised, what is before may be wanted as history.
    func registered(_ token: UInt64, _ result: Result<Void, any Error>) {
        guard var subscribe = pending[token], members.table[subscribe.subscriber] != nil else { return forget(token) }
        do {
            try result.get()
            for position in subscribe.entries.indices {
                subscribe.entries[position].head = try services.head(subscribe.entries[position].topic)
            }
            try judgePositions(&subscribe)
        } catch {
            return fail(token, error)
        }
        subscribe.beginWalks(maximumRecords: services.limits.resumeRecords)
        pending[token] = subscribe
        continueWalking(token)
    }

    /// The chains have been walked by a slice.
    func walked(_ token: UInt64, _ result: Result<[HistoryWalk], any Error>) {
        switch result {
        case .failure(let error): fail(token, error)
        case .success(let walks):
            pending[token]?.advanced(walks)
            continueWalking(token)
        }
    }

    /// The chains won't be walked.
    func dropped(_ token: UInt64) { forget(token) }

    private func forget(_ token: UInt64) {
        guard let subscribe = pending.removeValue(forKey: token) else { return }
        pendingOf[subscribe.subscriber]?.removeAll { $0 == token }
        if pendingOf[subscribe.subscriber]?.isEmpty == true { pendingOf[subscribe.subscriber] = nil }
    }

    /// Has the chains walked by a slice more, or answers when there is nothing left that somebody wants.
    private func continueWalking(_ token: UInt64) {
        guard var subscribe = pending[token], let subscriber = members.table[subscribe.subscriber] else {
            return forget(token)
        }
        subscribe.keepWalks { members.index.holds($0, of: subscriber.slot) }
        pending[token] = subscribe
        let walks = subscribe.walks
        if walks.isEmpty { return answer(token) }
        let work = HistoryWork(
            run: { [history = services.history, inbox = parts.inbox] in
                inbox.post(.walked(token: token, Result { try history.advance(walks) }))
            },
            drop: { [inbox = parts.inbox] in inbox.post(.walkDropped(token: token)) }
        )
        services.offload(work, subscriber.historyAsker)
    }

    // MARK: - The end of a subscribe

    /// What the clients' numbers are worth in this log.
    private func judgePositions(_ subscribe: inout PendingSubscribe) throws {
        let history = services.history
        for position in subscribe.entries.indices {
            let head = subscribe.entries[position].head
            guard let after = subscribe.entries[position].after else { continue }
            let point = try history.epochs.resume(
                after: after,
                of: subscribe.epoch,
                head: head,
                lastSequence: history.lastSequence
            )
            switch point {
            case .known: break
            case .diverged(let shared):
                subscribe.entries[position].after = shared
                subscribe.entries[position].divergedFrom = shared.next
            case .foreign:
                let gap = SequenceGap(from: SequenceNumber(1), to: head.next)
                subscribe.entries[position].history = TopicHistory(sequences: [], gap: gap)
            }
        }
    }

    /// The barrier: the reply first, then the topics' events.
    private func answer(_ token: UInt64) {
        guard let subscribe = pending[token] else { return }
        forget(token)
        let key = subscribe.subscriber
        guard members.table[key] != nil else { return }
        for entry in subscribe.entries where entry.ticket == nil {
            // An earlier request still walks for the subscription that this reply promises.
            for token in pendingOf[key] ?? [] { pending[token]?.promise(entry.topic) }
        }
        subscribe.reply(.success(subscribe.lines()))
        for followUp in subscribe.followUps { followUp() }
        for entry in subscribe.entries {
            guard let ticket = entry.ticket, members.index.holds(ticket, of: key.slot) else { continue }
            var catchUp = CatchUp(
                subscriber: key,
                topic: entry.topic,
                ticket: ticket,
                wish: subscribe.wish,
                sent: entry.history == nil ? entry.head : min(entry.after ?? entry.head, entry.head)
            )
            if let history = entry.history { catchUp.walked(head: entry.head, history) }
            catchUps.begin(catchUp)
        }
    }

    /// Leaves a held subscription to the oldest request of the same subscriber that leans on it.
    /// - Returns: whether there is one.
    private func leave(_ ticket: SubscriptionTicket, of topic: Topic, from subscribe: PendingSubscribe) -> Bool {
        for token in pendingOf[subscribe.subscriber] ?? [] where pending[token]?.wish.id == subscribe.wish.id {
            if pending[token]?.takeOver(ticket, of: topic) == true { return true }
        }
        return false
    }

    /// The subscribe came to nothing: what it began is undone, but for what a later one leans on.
    private func fail(_ token: UInt64, _ error: any Error) {
        guard let subscribe = pending[token] else { return }
        forget(token)
        guard let subscriber = members.table[subscribe.subscriber] else { return }
        let begun = subscribe.entries.filter { entry in
            guard let ticket = entry.ticket, members.index.holds(ticket, of: subscriber.slot) else { return false }
            return !leave(ticket, of: entry.topic, from: subscribe)
        }
        unsubscribe(begun.map(\.topic), subscribe.wish.id, for: subscriber)
        subscribe.reply(.failure(.storage(error)))
        for followUp in subscribe.followUps { followUp() }
        // What a later reply has promised can't be taken back but by the end.
        if begun.contains(where: \.isPromised) { subscriber.end(.historyUnreadable) }
    }
}
