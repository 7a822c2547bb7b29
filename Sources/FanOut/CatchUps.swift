import NIOCore
import SluiceCore

/// Sending history and going live: one piece at a time to each subscriber, whatever it catches up on, the next when the last has left the buffer,
/// so that a slow client slows only itself.
final class CatchUps {
    private let parts: LoopParts
    private var catchUps: [UInt64: CatchUp] = [:]
    private var lastToken: UInt64 = 0
    // By subscriber to which a piece is on its way: the catch-ups whose pieces come next.
    private var waiting: [SubscriberKey: [UInt64]] = [:]

    private var services: FanOutServices { parts.services }
    private var members: LoopMembers { parts.members }

    init(_ parts: LoopParts) { self.parts = parts }

    /// Subscriptions that catch up.
    var count: Int { catchUps.count }

    /// Begins a catch-up.
    func begin(_ catchUp: CatchUp) {
        lastToken += 1
        proceed(lastToken, catchUp)
    }

    /// The chain has been walked from `head` by a slice.
    func walked(_ token: UInt64, _ head: SequenceNumber, _ result: Result<ChainWalk, any Error>) {
        guard var catchUp = catchUps[token] else { return }
        switch result {
        case .failure: giveUp(token, catchUp)
        case .success(let walk) where walk.isDone:
            catchUp.walked(head: head, walk.history)
            proceed(token, catchUp)
        case .success(let walk):
            // Nobody walks on for a subscription that is gone.
            guard stands(catchUp) else {
                catchUps[token] = nil
                return
            }
            walkOn(walk, from: head, token, catchUp)
        }
    }

    /// A piece of the history has been read: it is sent, and the next is read when it has left.
    func send(_ token: UInt64, _ result: Result<HistoryPiece, any Error>) {
        guard var catchUp = catchUps[token] else { return }
        guard let subscriber = members.table[catchUp.subscriber], stands(catchUp) else {
            catchUps[token] = nil
            return pieceEnded(catchUp.subscriber)
        }
        switch result {
        case .failure:
            giveUp(token, catchUp)
            pieceEnded(catchUp.subscriber)
        case .success(let piece):
            catchUp.sent(piece.count)
            catchUp.isReading = false
            catchUps[token] = catchUp
            services.measures.recordsResumed(piece.count)
            let left = parts.eventLoop.makePromise(of: Void.self)
            left.futureResult.assumeIsolated().whenComplete { _ in
                self.pieceEnded(catchUp.subscriber)
                if let catchUp = self.catchUps[token] { self.proceed(token, catchUp) }
                self.parts.flushes.flushLater()
            }
            subscriber.deliverHistory(piece.events, for: catchUp.wish.id, left: left)
        }
    }

    /// Its history won't be read.
    func dropped(_ token: UInt64) {
        guard let catchUp = catchUps.removeValue(forKey: token) else { return }
        if catchUp.isReading { pieceEnded(catchUp.subscriber) }
    }

    /// No piece is on its way to the subscriber any more: another catch-up's comes next.
    private func pieceEnded(_ subscriber: SubscriberKey) {
        var next = waiting.removeValue(forKey: subscriber) ?? []
        while !next.isEmpty {
            let token = next.removeFirst()
            guard let catchUp = catchUps[token] else { continue }
            proceed(token, catchUp)
            // It reads, and whoever waits goes on waiting; or it needed nothing.
            guard waiting[subscriber] == nil else {
                waiting[subscriber]?.append(contentsOf: next)
                return
            }
        }
    }

    private func stands(_ catchUp: CatchUp) -> Bool {
        members.index.holds(catchUp.ticket, of: catchUp.subscriber.slot)
    }

    /// Takes the next step, or lets the subscription in when there is none.
    private func proceed(_ token: UInt64, _ catchUp: CatchUp) {
        guard members.table[catchUp.subscriber] != nil, stands(catchUp) else {
            catchUps[token] = nil
            return
        }
        if let step = catchUp.next() { return perform(step, token, catchUp) }
        // Position and release are one call: no record can come between them, so there is no seam.
        let slot = catchUp.subscriber.slot
        guard let position = members.index.release(catchUp.ticket, of: slot, after: catchUp.sent) else {
            catchUps[token] = nil
            return
        }
        perform(catchUp.more(upTo: position), token, catchUp)
    }

    private func perform(_ step: CatchUp.Step, _ token: UInt64, _ catchUp: CatchUp) {
        catchUps[token] = catchUp
        switch step {
        case .walk(let head):
            let limit = services.limits.resumeRecords
            walkOn(ChainWalk(head: head, after: catchUp.sent, maximumRecords: limit), from: head, token, catchUp)
        case .read(let sequences):
            guard waiting[catchUp.subscriber] == nil else {
                waiting[catchUp.subscriber]?.append(token)
                return
            }
            waiting[catchUp.subscriber] = []
            catchUps[token]?.isReading = true
            let maximum = services.limits.resumePieceBytes
            let history = services.history
            let format = services.formats[Int(catchUp.wish.format.rawValue)]
            offload(token, catchUp) {
                .piece(token: token, Result { try history.piece(sequences, format, maximumBytes: maximum) })
            }
        }
    }

    private func walkOn(_ walk: ChainWalk, from head: SequenceNumber, _ token: UInt64, _ catchUp: CatchUp) {
        let history = services.history
        offload(token, catchUp) {
            let result = Result {
                var walks = [walk]
                try history.advance(&walks)
                return walks[0]
            }
            return .caughtUp(token: token, head: head, result)
        }
    }

    /// Has something read for a catch-up when its subscriber's turn comes.
    private func offload(_ token: UInt64, _ catchUp: CatchUp, _ read: @escaping @Sendable () -> LoopMessage) {
        guard let subscriber = members.table[catchUp.subscriber] else {
            catchUps[token] = nil
            return
        }
        let inbox = parts.inbox
        let work = HistoryWork(
            run: { inbox.post(read()) },
            drop: { inbox.post(.catchUpDropped(token: token)) }
        )
        services.offload(work, subscriber.historyAsker)
    }

    /// The log can't be read: the client is told by the end, and resumes when it connects again.
    private func giveUp(_ token: UInt64, _ catchUp: CatchUp) {
        catchUps[token] = nil
        members.table[catchUp.subscriber]?.end(.historyUnreadable)
    }
}
