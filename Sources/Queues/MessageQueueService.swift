package import Logging
package import QueueEngine
package import SluiceCore
import Synchronization

/// Message queues as their clients know them, over a ``MessageQueueStore``: what several steps take, and who waits for messages.
///
/// Any protocol may stand on it; it knows none.
package final class MessageQueueService: Sendable {
    let store: any MessageQueueStore
    let waiters = MessageWaiters()
    private let others = OtherProcesses()
    let moves = Mutex<[MessageMove]>([])
    let logger: Logger
    let observer: (any MessageQueueObserver)?
    /// The wall clock, nanoseconds since 1970.
    package let wallNanoseconds: @Sendable () -> UInt64
    private let purges = Mutex<[UInt32: UInt64]>([:])
    private let isDraining = Atomic<Bool>(false)

    /// Messages that one step of a long change takes.
    static let slice = 1_000
    /// How long a receive waits before it looks again, nanoseconds: for what another gateway has deleted or given back.
    private static let lookAgainNanoseconds: UInt64 = 1_000_000_000
    /// Between two purges of a queue (API reference, "PurgeQueue"), nanoseconds.
    private static let purgePauseNanoseconds: UInt64 = 60_000_000_000

    /// Offers the queues of a store.
    ///
    /// `wallNanoseconds`: the wall clock, nanoseconds since 1970; `observer`: told what happens to messages.
    package init(
        store: any MessageQueueStore,
        wallNanoseconds: @escaping @Sendable () -> UInt64 = StageClock.wallNanoseconds,
        observer: (any MessageQueueObserver)? = nil,
        logger: Logger
    ) {
        self.store = store
        self.wallNanoseconds = wallNanoseconds
        self.observer = observer
        self.logger = logger
    }

    /// From now on nobody waits for messages: who does is answered.
    package func drain() {
        isDraining.store(true, ordering: .releasing)
        waiters.signalAll()
    }

    // MARK: - Queues

    /// The queue of a name.
    /// - Throws: ``QueueError``, `noSuchQueue`.
    package func queue(_ id: QueueID) throws(QueueError) -> MessageQueue {
        guard let queue = try store.queue(id) else { throw QueueError(.noSuchQueue, "There is no queue \(id).") }
        return queue
    }

    /// Makes a queue with attributes by AWS's names; one that is there and has these is left as it is.
    package func create(
        _ id: QueueID,
        _ values: [(name: ByteString, value: String)],
        tags: [QueueTag]
    ) async throws(QueueError) -> MessageQueue {
        var attributes = MessageQueueAttributes()
        try attributes.set(values)
        guard FIFOAttributes.isName(id) == (attributes.fifo != nil) else {
            throw QueueError(
                .invalidAttribute,
                "The queue \(id): names of FIFO queues end with .fifo, and no others do; and FIFO queues have FifoQueue=true."
            )
        }
        try checkRedrive(of: id, attributes)
        try MessageQueueService.check(tags)
        return try await changed(.create(id, values, tags: tags))
    }

    /// A queue has fifty tags at most (API reference, "TagQueue").
    private static func check(_ tags: [QueueTag]) throws(QueueError) {
        guard tags.count <= 50 else {
            throw QueueError(.invalidAttribute, "A queue has at most 50 tags; these are \(tags.count).")
        }
        guard let bad = tags.first(where: { !(1...128).contains($0.key.count) || $0.value.utf8.count > 256 }) else {
            return
        }
        throw QueueError(
            .invalidAttribute,
            "The tag '\(bad.key.string.printable(limit: 60))' isn't valid: keys have 1 to 128 bytes, values up to 256."
        )
    }

    /// Sets attributes by AWS's names.
    package func set(_ values: [(name: ByteString, value: String)], of id: QueueID) async throws(QueueError) {
        try MessageQueueService.checkOwner(of: id)
        var attributes = try queue(id).attributes
        let wasFIFO = attributes.fifo != nil
        try attributes.set(values)
        guard (attributes.fifo != nil) == wasFIFO else {
            throw QueueError(.invalidAttribute, "FifoQueue is chosen when a queue is made: \(id) is a standard queue.")
        }
        // A dead-letter queue that is gone since keeps nobody from changing the rest.
        if values.contains(where: { $0.name == "RedrivePolicy" }) { try checkRedrive(of: id, attributes) }
        _ = try await changed(.configure(id) { queue throws(QueueError) in try queue.attributes.set(values) })
    }

    /// Sets and removes tags; a queue has fifty at most (API reference, "TagQueue").
    package func tag(_ id: QueueID, with tags: [QueueTag], without keys: [ByteString]) async throws(QueueError) {
        _ = try await changed(
            .configure(id) { queue throws(QueueError) in
                queue.tags.removeAll { old in keys.contains(old.key) || tags.contains { $0.key == old.key } }
                queue.tags += tags
                try MessageQueueService.check(queue.tags)
            }
        )
    }

    /// Removes a queue and, in steps, its messages.
    package func delete(_ id: QueueID) async throws(QueueError) {
        try MessageQueueService.checkOwner(of: id)
        let queue = try await changed(.delete(id))
        // Who waits for its messages is told.
        waiters.signal(queue.number, .max)
        try await discard(queue.number)
    }

    /// Removes all messages that a queue has now, in steps.
    /// - Throws: ``QueueError``, `purgeInProgress` within a minute of the last one.
    package func purge(_ id: QueueID, nowNanoseconds: UInt64 = StageClock.nowNanoseconds()) async throws(QueueError) {
        try MessageQueueService.checkOwner(of: id)
        let queue = try queue(id)
        let isTooEarly = purges.withLock { purges in
            if let last = purges[queue.number], nowNanoseconds < last + MessageQueueService.purgePauseNanoseconds {
                return true
            }
            purges[queue.number] = nowNanoseconds
            return false
        }
        guard !isTooEarly else {
            throw QueueError(
                .purgeInProgress,
                "The queue \(id) was purged less than a minute ago. Wait until the minute is over."
            )
        }
        do throws(QueueError) { try await purgeAll(queue.number) } catch {
            purges.withLock { $0[queue.number] = nil }
            throw error
        }
    }

    private func purgeAll(_ queue: UInt32) async throws(QueueError) {
        let last = try store.lastOrdinals(of: [queue]).first ?? 0
        while true {
            let ordinals = try store.ordinals(of: queue, through: last, maximum: MessageQueueService.slice)
            guard !ordinals.isEmpty else { return }
            try await remove(ordinals, from: queue)
        }
    }

    /// A queue's figures, exact.
    package func figures(of queue: MessageQueue) throws(QueueError) -> MessageQueueFigures {
        try store.figures(of: queue, nowNanoseconds: wallNanoseconds())
    }

    private func checkRedrive(of id: QueueID, _ attributes: MessageQueueAttributes) throws(QueueError) {
        guard let redrive = attributes.redrive else { return }
        try MessageQueueService.checkOwner(of: redrive.deadLetterQueue)
        guard redrive.deadLetterQueue != id, let target = try store.queue(redrive.deadLetterQueue) else {
            throw QueueError(
                .invalidAttribute,
                "RedrivePolicy names the queue \(redrive.deadLetterQueue), which must exist and be another one."
            )
        }
        guard target.isFIFO == (attributes.fifo != nil) else {
            throw QueueError(
                .invalidAttribute,
                "The dead-letter queue of a FIFO queue is a FIFO queue, that of a standard queue a standard one; \(target.id) isn't."
            )
        }
        guard target.attributes.redriveAllow.allows(id) else {
            throw QueueError(
                .invalidAttribute,
                "The queue \(target.id) doesn't allow \(id) to send it dead letters (RedriveAllowPolicy)."
            )
        }
    }

    // MARK: - Messages

    /// Stores messages, all or none.
    /// - Returns: where they are stored.
    package func send(_ messages: [QueueMessage], to id: QueueID) async throws(QueueError) -> [MessagePlace] {
        try MessageQueueService.checkOwner(of: id)
        guard case .sent(let queue, let places) = try await store.commit(.send(id, messages)) else { throw noAnswer }
        if let last = places.map(\.ordinal).max() { others.noteOwn(queue.number, through: last) }
        waiters.signal(queue.number, places.count)
        observer?.note(.sent, of: id, places.count { !$0.isDuplicate })
        return places
    }

    /// Hands messages out, at once or when there are some, after `waitSeconds` at the latest.
    package func receive(
        from id: QueueID,
        maximum: Int,
        visibilitySeconds: Int?,
        waitSeconds: Int?,
        attemptID: ByteString? = nil
    ) async throws(QueueError) -> [ReceivedMessage] {
        try MessageQueueService.checkOwner(of: id)
        let began = StageClock.nowNanoseconds()
        while true {
            // Read each time: attributes change, and a queue may be deleted, while somebody waits.
            let queue = try queue(id)
            let generation = waiters.generation(of: queue.number)
            let now = wallNanoseconds()
            let request = ReceiveRequest(
                maximum: maximum,
                visibilitySeconds: visibilitySeconds,
                nowNanoseconds: now,
                attemptID: queue.isFIFO ? attemptID : nil
            )
            let outcome = try store.receive(from: queue, request)
            await settle(outcome, of: queue)
            if !outcome.received.isEmpty {
                observer?.note(.received, of: id, outcome.received.count)
                return outcome.received
            }
            if outcome.isOverLimit {
                throw QueueError(
                    .overLimit,
                    "So many messages of \(id) are in flight as may be. Delete some, or wait for their visibility timeout."
                )
            }
            if outcome.isIncomplete, !Task.isCancelled { continue }
            let end = began + UInt64(waitSeconds ?? queue.attributes.receiveWaitSeconds) * 1_000_000_000
            let monotonic = StageClock.nowNanoseconds()
            guard monotonic < end, !isDraining.load(ordering: .acquiring) else { return [] }
            let visibleIn = outcome.nextVisibleAtNanoseconds.map { $0 > now ? $0 - now : 1_000_000 } ?? .max
            others.watch(store, for: waiters)
            await waiters.wait(
                for: queue.number,
                since: generation,
                nanoseconds: min(end - monotonic, visibleIn, MessageQueueService.lookAgainNanoseconds)
            )
            // Whoever has left is handed nothing: it would be hidden from the others.
            guard !Task.isCancelled else { return [] }
        }
    }

    /// Performs what a receive found beside the messages: dead letters move, what is too old goes.
    ///
    /// What can't be done now stays hidden for a while and is tried again; the messages are in the receiver's hands already.
    func settle(_ outcome: ReceiveOutcome, of queue: MessageQueue) async {
        for (ordinal, error) in outcome.damaged {
            logger.error(
                "a message can't be read and is passed over",
                metadata: ["queue": "\(queue.id)", "ordinal": "\(ordinal)", "error": "\(error)"]
            )
        }
        if !outcome.expired.isEmpty {
            do throws(QueueError) {
                try await remove(outcome.expired, from: queue.number)
                observer?.note(.expired, of: queue.id, outcome.expired.count)
            } catch {
                logger.error(
                    "messages whose time is over can't be removed",
                    metadata: ["queue": "\(queue.id)", "error": "\(error)"]
                )
            }
        }
        guard !outcome.deadLetters.isEmpty, let redrive = queue.attributes.redrive else { return }
        do throws(QueueError) {
            try await move(outcome.deadLetters, of: queue, to: redrive.deadLetterQueue, source: queue.id)
            observer?.note(.deadLettered, of: queue.id, outcome.deadLetters.count)
            logger.warning(
                "messages were received too often and are dead letters now",
                metadata: [
                    "queue": "\(queue.id)", "to": "\(redrive.deadLetterQueue)",
                    "messages": "\(outcome.deadLetters.count)",
                ]
            )
        } catch {
            // They stay, and are tried again when their time comes.
            logger.error("dead letters can't be moved", metadata: ["queue": "\(queue.id)", "error": "\(error)"])
        }
    }

    /// Deletes a queue's messages; a handle that isn't the message's last one deletes nothing (API reference, "DeleteMessage").
    ///
    /// From a FIFO queue only what is in flight is deleted: what is visible again may be in another receiver's hands next.
    /// - Returns: what the handles were of; `inFlight` and, from a standard queue, `lapsed` ones are deleted.
    package func delete(
        _ handles: [MessageHandle],
        from queue: MessageQueue
    ) async throws(QueueError) -> [HandleStanding] {
        let standing = try store.standing(of: handles, nowNanoseconds: wallNanoseconds())
        let ordinals = zip(handles, standing).compactMap { handle, standing in
            standing == .inFlight || standing == .lapsed && !queue.isFIFO ? handle.ordinal : nil
        }
        guard !ordinals.isEmpty else { return standing }
        try await remove(ordinals, from: queue.number)
        observer?.note(.deleted, of: queue.id, ordinals.count)
        // What stood behind them in their groups can be received.
        if queue.isFIFO { waiters.signal(queue.number, ordinals.count) }
        return standing
    }

    /// Hides messages from now on for another time; 0 lets them be received at once.
    /// - Returns: what is wrong with each, nil for those that are changed.
    package func changeVisibility(
        _ changes: [(handle: MessageHandle, seconds: Int)]
    ) throws(QueueError) -> [QueueError?] {
        let results = try store.changeVisibility(changes, nowNanoseconds: wallNanoseconds())
        for (change, result) in zip(changes, results) where result == nil && change.seconds == 0 {
            waiters.signal(change.handle.queue, 1)
        }
        return results
    }

    // MARK: - Steps

    /// Deletes messages, and then forgets what is kept of them: in between they are found missing, never lost.
    func remove(_ ordinals: [UInt64], from queue: UInt32) async throws(QueueError) {
        _ = try await store.commit(.remove(queue: queue, ordinals))
        forget(queue, ordinals)
    }

    func move(
        _ ordinals: [UInt64],
        of queue: MessageQueue,
        to target: QueueID,
        source: QueueID?
    ) async throws(QueueError) {
        _ = try await store.commit(.move(queue: queue.number, ordinals, to: target, source: source))
        forget(queue.number, ordinals)
        if let target = try store.queue(target) { waiters.signal(target.number, ordinals.count) }
    }

    func publish(_ ordinals: [UInt64], of queue: MessageQueue) async throws(QueueError) {
        _ = try await store.commit(.publish(queue: queue.number, ordinals))
        forget(queue.number, ordinals)
    }

    /// What is kept of messages that are gone is removed; where that fails, the receive that finds it does so.
    private func forget(_ queue: UInt32, _ ordinals: [UInt64]) {
        do throws(QueueError) { try store.forget(queue: queue, ordinals) } catch {
            logger.warning("what is kept of deleted messages can't be removed now", metadata: ["error": "\(error)"])
        }
    }

    private func changed(_ change: MessageChange) async throws(QueueError) -> MessageQueue {
        guard case .queue(let queue) = try await store.commit(change) else { throw noAnswer }
        return queue
    }

    func discard(_ queue: UInt32) async throws(QueueError) {
        while true {
            let outcome = try await store.commit(.discard(queue: queue, maximum: MessageQueueService.slice))
            guard case .changed(let count) = outcome, count == MessageQueueService.slice else { break }
        }
        try store.forgetAll(of: queue)
    }

    private var noAnswer: QueueError {
        QueueError(.storage, "The log answered something else than what it was asked for.")
    }
}
