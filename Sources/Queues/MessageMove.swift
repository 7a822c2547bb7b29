package import QueueEngine
package import SluiceCore
import Synchronization

/// A task that moves dead letters back (API reference, "StartMessageMoveTask").
///
/// It ends with the gateway that runs it.
package struct MessageMove: Sendable {
    /// How far it is; the raw values are AWS's.
    package enum Status: String, Sendable {
        case running = "RUNNING"
        case completed = "COMPLETED"
        case cancelling = "CANCELLING"
        case cancelled = "CANCELLED"
        case failed = "FAILED"
    }

    /// Its name.
    package let handle: String
    /// The queue whose messages move.
    package let source: QueueID
    /// Where to; nil for each back to where it was a dead letter of.
    package let destination: QueueID?
    /// Messages a second at most; nil for as fast as it goes.
    package let maximumPerSecond: Int?
    /// When it began, wall clock, nanoseconds since 1970.
    package let startedAtNanoseconds: UInt64
    /// Messages that there were to move.
    package let toMove: Int
    /// Messages that were moved.
    package fileprivate(set) var moved = 0
    /// How far it is.
    package fileprivate(set) var status = Status.running
    /// Why it failed.
    package fileprivate(set) var failure: String?
}

extension MessageQueueService {
    /// Tasks that are remembered after their end.
    private static let rememberedMoves = 100

    /// Begins to move dead letters back (API reference, "StartMessageMoveTask").
    /// - Returns: the task.
    /// - Throws: ``QueueError`` when a task of the queue runs, or nothing says where to.
    package func startRedrive(
        of source: QueueID,
        to destination: QueueID?,
        maximumPerSecond: Int?
    ) throws(QueueError) -> MessageMove {
        var isDeadLetterQueue = try !deadLetterSources(of: source).isEmpty
        if !isDeadLetterQueue { isDeadLetterQueue = try hasRecords(source) }
        guard destination != nil || isDeadLetterQueue else {
            throw QueueError(.unsupported, "\(source) is no queue's dead-letter queue: name a destination.")
        }
        return try startMove(of: source, to: destination, maximumPerSecond: maximumPerSecond)
    }

    /// Whether a queue begins with a dead letter of publishers.
    private func hasRecords(_ id: QueueID) throws(QueueError) -> Bool {
        let first = try store.messages(of: queue(id), from: 1, maximum: 1, nowNanoseconds: wallNanoseconds()).first
        guard case .success(let message)? = first?.message else { return false }
        return RecordMessage.isRecord(message)
    }

    /// Begins to move a queue's messages.
    /// - Throws: ``QueueError`` when a task of the queue runs, or the destination doesn't exist.
    package func startMove(
        of source: QueueID,
        to destination: QueueID?,
        maximumPerSecond: Int?
    ) throws(QueueError) -> MessageMove {
        for id in [source, destination ?? source] { try MessageQueueService.checkOwner(of: id) }
        let queue = try queue(source)
        guard destination != source else {
            throw QueueError(.unsupported, "Messages of \(source) can't be moved to itself.")
        }
        if let destination, try self.queue(destination).isFIFO != queue.isFIFO {
            throw QueueError(
                .unsupported,
                "Messages of a FIFO queue move to a FIFO queue, and others to a standard queue; \(destination) is another kind."
            )
        }
        let figures = try figures(of: queue)
        let move = MessageMove(
            handle: "\(MessageID.random())",
            source: source,
            destination: destination,
            maximumPerSecond: maximumPerSecond,
            startedAtNanoseconds: wallNanoseconds(),
            toMove: figures.visible
        )
        let isBusy = moves.withLock { moves in
            if moves.contains(where: { $0.source == source && ($0.status == .running || $0.status == .cancelling) }) {
                return true
            }
            moves.append(move)
            let ended = moves.firstIndex { $0.status != .running && $0.status != .cancelling }
            if moves.count > MessageQueueService.rememberedMoves, let ended { moves.remove(at: ended) }
            return false
        }
        guard !isBusy else {
            throw QueueError(.unsupported, "Messages of \(source) are being moved already. Wait, or cancel that task.")
        }
        // Outlives the request that asked for it; it ends by itself, when it is cancelled, or with the process.
        Task { await self.run(move, of: queue) }
        return move
    }

    /// A queue's tasks, the newest first.
    package func moves(of source: QueueID) throws(QueueError) -> [MessageMove] {
        _ = try queue(source)
        return moves.withLock { $0.filter { $0.source == source }.reversed() }
    }

    /// Ends a task; what has moved stays moved.
    /// - Returns: how many messages have moved.
    package func cancelMove(_ handle: String) throws(QueueError) -> Int {
        let moved = moves.withLock { moves -> Int? in
            guard
                let place = moves.firstIndex(where: {
                    ByteString($0.handle) == ByteString(handle) && $0.status == .running
                })
            else {
                return nil
            }
            moves[place].status = .cancelling
            return moves[place].moved
        }
        guard let moved else { throw QueueError(.noSuchTask, "There is no task of that handle that runs.") }
        return moved
    }

    private func run(_ move: MessageMove, of queue: MessageQueue) async {
        var perStep = min(move.maximumPerSecond ?? 100, 100)
        /// Records that can't be published again: they stay.
        var damaged: [MessageHandle] = []
        do throws(QueueError) {
            while state(of: move.handle) == .running {
                let request = ReceiveRequest(maximum: perStep, visibilitySeconds: 60, nowNanoseconds: wallNanoseconds())
                let outcome = try store.receive(from: queue, request)
                await settle(outcome, of: queue)
                if outcome.isOverLimit {
                    // As many are in flight as may be, or nearly: smaller steps, and then patience.
                    if perStep == 1 { try? await Task.sleep(for: .seconds(1)) }
                    perStep = max(1, perStep / 2)
                    continue
                }
                guard !outcome.received.isEmpty || outcome.isIncomplete else { return finish(move, damaged) }
                let records = damagedRecords(outcome.received, move)
                damaged += records
                let others = outcome.received.filter { !records.contains($0.handle) }
                try await take(others, further: move, of: queue)
                if let rate = move.maximumPerSecond {
                    try? await Task.sleep(for: .microseconds(1_000_000 * perStep / rate))
                }
            }
            end(move.handle, .cancelled)
        } catch {
            end(move.handle, .failed, "\(error)")
        }
    }

    private func damagedRecords(_ received: [ReceivedMessage], _ move: MessageMove) -> [MessageHandle] {
        guard move.destination == nil else { return [] }
        return received.filter { RecordMessage.isRecord($0.message) && RecordMessage.record(of: $0.message) == nil }
            .map(\.handle)
    }

    /// Everything has moved that can.
    private func finish(_ move: MessageMove, _ damaged: [MessageHandle]) {
        guard !damaged.isEmpty else { return end(move.handle, .completed) }
        // They come by themselves within a minute where this fails.
        _ = try? changeVisibility(damaged.map { (handle: $0, seconds: 0) })
        end(
            move.handle,
            .failed,
            """
            \(damaged.count) records are damaged and can't be published again, they stay: delete their messages, or move them to \
            a queue of their own with a destination.
            """
        )
    }

    /// Moves messages, and gives back those that come from nowhere when no destination is named.
    /// - Throws: ``QueueError``, which ends the task.
    private func take(
        _ received: [ReceivedMessage],
        further move: MessageMove,
        of queue: MessageQueue
    ) async throws(QueueError) {
        var left = received
        if move.destination == nil {
            // Dead letters of publishers come from the log itself.
            let records = received.filter { RecordMessage.isRecord($0.message) }
            if !records.isEmpty {
                let ordinals = records.map(\.handle.ordinal)
                try await publish(ordinals, of: queue)
                note(move.handle, moved: records.count)
                left.removeAll { ordinals.contains($0.handle.ordinal) }
            }
        }
        for (target, messages) in Dictionary(
            grouping: left,
            by: { move.destination ?? $0.message.deadLetterSource }
        ) {
            guard let target else { continue }
            try await self.move(messages.map(\.handle.ordinal), of: queue, to: target, source: nil)
            note(move.handle, moved: messages.count)
        }
        let sent = left.filter { move.destination == nil && $0.message.deadLetterSource == nil }
        guard !sent.isEmpty else { return }
        _ = try changeVisibility(sent.map { (handle: $0.handle, seconds: 0) })
        throw QueueError(
            .unsupported,
            "CouldNotDetermineMessageSource: messages were sent to \(queue.id) itself. Name a destination."
        )
    }

    private func state(of handle: String) -> MessageMove.Status? {
        moves.withLock { moves in moves.first { $0.handle == handle }?.status }
    }

    private func note(_ handle: String, moved: Int) {
        moves.withLock { moves in
            if let place = moves.firstIndex(where: { $0.handle == handle }) { moves[place].moved += moved }
        }
    }

    private func end(_ handle: String, _ status: MessageMove.Status, _ failure: String? = nil) {
        moves.withLock { moves in
            guard let place = moves.firstIndex(where: { $0.handle == handle }) else { return }
            moves[place].status = status
            moves[place].failure = failure
        }
    }
}
