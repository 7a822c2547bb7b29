import ChangeQueue
import NIOCore
import SluiceCore

/// Sending history and going live: one piece at a time, the next when the last has left the buffer, so that a slow
/// client slows only itself.
extension WebSocketLoop {
    /// Takes the next step of a catch-up, or lets the subscription in when there is none.
    func goOn(_ token: UInt64, _ catchUp: CatchUp) {
        guard connections[catchUp.connection] != nil, index.holds(catchUp.ticket, of: catchUp.connection.slot) else {
            catchUps[token] = nil
            return
        }
        if let step = catchUp.next() { return perform(step, token, catchUp) }
        // Position and release are one call: no record can come between them, so there is no seam.
        guard let position = index.release(catchUp.ticket, of: catchUp.connection.slot, after: catchUp.sent) else {
            catchUps[token] = nil
            return
        }
        perform(catchUp.more(upTo: position), token, catchUp)
    }

    /// The chain has been walked from `head` by a slice.
    func caughtUp(_ token: UInt64, _ head: SequenceNumber, _ result: Result<ChainWalk, APIError>) {
        guard var catchUp = catchUps[token] else { return }
        switch result {
        case .failure: giveUp(token, catchUp)
        case .success(let walk) where walk.isDone:
            catchUp.walked(head: head, walk.history)
            goOn(token, catchUp)
        case .success(let walk):
            // Nobody walks on for a subscription that is gone.
            guard index.holds(catchUp.ticket, of: catchUp.connection.slot) else {
                catchUps[token] = nil
                return
            }
            goOnWalking(walk, from: head, token, catchUp)
        }
    }

    /// A piece of the history has been read: it is sent, and the next is read when it has left.
    func send(_ token: UInt64, _ result: Result<HistoryPiece, APIError>) {
        guard var catchUp = catchUps[token] else { return }
        guard let handler = connections[catchUp.connection], index.holds(catchUp.ticket, of: catchUp.connection.slot)
        else {
            catchUps[token] = nil
            return
        }
        switch result {
        case .failure: giveUp(token, catchUp)
        case .success(let piece):
            catchUp.sent(piece.count)
            catchUps[token] = catchUp
            services.counters.recordsResumed(piece.count)
            let promise = eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { _ in
                guard let catchUp = self.catchUps[token] else { return }
                self.goOn(token, catchUp)
                self.flushLater()
            }
            handler.write(piece.frames, promise: promise)
        }
    }

    private func perform(_ step: CatchUp.Step, _ token: UInt64, _ catchUp: CatchUp) {
        catchUps[token] = catchUp
        switch step {
        case .walk(let head):
            let limit = services.configuration.resumeRecords
            goOnWalking(ChainWalk(head: head, after: catchUp.sent, maximumRecords: limit), from: head, token, catchUp)
        case .read(let sequences):
            let maximum = services.configuration.resumeSliceBytes
            let history = services.history
            offload(token, catchUp) {
                let result = Result {
                    let slice = try history.slice(sequences, catchUp.encoding, maximumBytes: maximum)
                    return HistoryPiece(frames: slice.frames, count: slice.count)
                }
                return .piece(token: token, result.mapError { APIError(reading: $0) })
            }
        }
    }

    private func goOnWalking(_ walk: ChainWalk, from head: SequenceNumber, _ token: UInt64, _ catchUp: CatchUp) {
        let history = services.history
        offload(token, catchUp) {
            let result = Result {
                var walks = [walk]
                try history.advance(&walks)
                return walks[0]
            }
            return .caughtUp(token: token, head: head, result.mapError { APIError(reading: $0) })
        }
    }

    /// Has something read for a catch-up when its connection's turn comes.
    private func offload(_ token: UInt64, _ catchUp: CatchUp, _ read: @escaping @Sendable () -> LoopMessage) {
        guard let handler = connections[catchUp.connection] else {
            catchUps[token] = nil
            return
        }
        let work = HistoryWork(
            run: { [inbox] in inbox.post(read()) },
            drop: { [inbox] in inbox.post(.dropped(token: token)) }
        )
        services.offload(work, handler.asker)
    }

    /// The log can't be read: the client is told by the close, and resumes when it connects again.
    private func giveUp(_ token: UInt64, _ catchUp: CatchUp) {
        catchUps[token] = nil
        connections[catchUp.connection]?.close(.internalError)
    }
}
