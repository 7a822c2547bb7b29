import ChangeQueue
import NIOCore
import NIOHTTP1
import SluiceCore

/// Outbound: answers in the requests' order, one flush per connection and commit, and the end of the connection.
extension PublishHandler: LaterFlushing {
    /// Takes a publish's answer and writes what is due.
    func answer(_ number: UInt64, _ answer: PublishAnswer) {
        guard context != nil, order.answer(number, with: answer) else { return }
        service.counters.count(answer)
        var wroteAnswer = false
        while !isClosing, let due = order.nextDue() {
            write(due)
            wroteAnswer = true
        }
        if wroteAnswer { answersWritten() }
    }

    private func write(_ answer: PublishAnswer) {
        guard let context else { return }
        let closes = answer.closes || isLastAnswer
        writer.write(answer, closing: closes, to: &output)
        guard closes else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        handOutputOver(written)
        close(after: written.futureResult, lingering: answer.closes)
    }

    /// Gives the rendered answers to the channel, in front of whatever is written after them.
    private func handOutputOver(_ promise: EventLoopPromise<Void>? = nil) {
        guard output.readableBytes > 0 || promise != nil else { return }
        front.write(output, promise: promise)
        output = ByteBuffer()
    }

    /// Whether nothing is going to follow the answer that is being written.
    private var isLastAnswer: Bool {
        guard order.isEmpty, held.isEmpty || endsAfterThis else { return false }
        switch reading {
        case .ended: return true
        case .nothing: return isDraining || isInputClosed || endsAfterThis
        case .authorizing, .publish, .discarding, .routed: return false
        }
    }

    /// Closes once everything is written.
    ///
    /// `lingering`: the client may still be sending; closing at once would reset the connection and take the answer
    /// away from it (RFC 9112, section 9.6), so that only our side is closed until the client's is, or a deadline has
    /// passed.
    private func close(after written: EventLoopFuture<Void>, lingering: Bool) {
        guard let context else { return }
        isClosing = true
        reading = .ended
        held.removeAll()
        resumeReading()
        planFlush()
        let channel = context.channel
        written.assumeIsolated().whenComplete { [self] _ in
            guard lingering, !isInputClosed else { return channel.close(promise: nil) }
            isLingering = true
            self.context?.close(mode: .output, promise: nil)
            timer?.cancel()
            timer = channel.eventLoop.assumeIsolated().scheduleTask(in: PublishHandler.lingerTime) {
                channel.close(promise: nil)
            }
        }
    }

    private static let lingerTime: TimeAmount = .seconds(2)

    /// Goes on after answers have been written: what was held, reading, closing.
    func answersWritten() {
        guard !isClosing else { return }
        planFlush()
        if order.isEmpty { deadlines.allAnswered(now: service.now()) }
        releaseHeld()
        resumeReading()
        if isOutputCloseHeld, !order.hasPublishes {
            isOutputCloseHeld = false
            handOutputOver()
            front.flush()
            context?.close(mode: .output, promise: outputClose)
            outputClose = nil
        }
        closeIfDone()
    }

    func releaseHeld() {
        guard !isReleasing else { return }
        isReleasing = true
        defer { isReleasing = false }
        var released = false
        while let first = held.popFirst() {
            guard take(first) else {
                held.prepend(first)
                break
            }
            released = true
        }
        // NIOAsyncChannel hands parts to Hummingbird only at the end of a read.
        if released { context?.fireChannelReadComplete() }
    }

    /// Closes a connection that has nothing left to do.
    func closeIfDone() {
        guard !isClosing, order.isEmpty, held.isEmpty, let context else { return }
        switch reading {
        case .ended: break
        case .nothing: guard isDraining || isInputClosed else { return }
        case .authorizing, .publish, .discarding, .routed: return
        }
        isClosing = true
        // Everything is written; this empty write completes after it.
        let written = context.eventLoop.makePromise(of: Void.self)
        handOutputOver(written)
        front.flush()
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: - The routed answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        handOutputOver()
        context.write(data, promise: promise)
        guard case .end = unwrapOutboundIn(data) else { return }
        order.routedAnswered()
        answersWritten()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Hummingbird closes our side once the client has closed its own; publishes may still wait for their commit.
        guard mode == .output, order.hasPublishes else { return context.close(mode: mode, promise: promise) }
        isOutputCloseHeld = true
        outputClose = promise
    }

    // MARK: - Reading and flushing

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    private var mayRead: Bool {
        isClosing
            || (reading != .authorizing && held.isEmpty && order.count < service.limits.pipelinedRequests
                && context?.channel.isWritable == true)
    }

    func resumeReading() {
        guard isReadHeld, mayRead else { return }
        isReadHeld = false
        context?.read()
    }

    /// Flushes once when the loop's current batch of work is done.
    func planFlush() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        bridge.flushLater(self)
    }

    func flushNow() {
        isFlushPlanned = false
        if sendOutputDirectly() { return }
        handOutputOver()
        front.flush()
    }

    /// Sends the rendered answers past the channel, if nothing waits there.
    /// - Returns: whether nothing is left to do.
    private func sendOutputDirectly() -> Bool {
        guard socket.isUsable, !isClosing, output.readableBytes > 0, let options = context?.channel.syncOptions,
            (try? options.getOption(.bufferedWritableBytes)) == 0
        else { return false }
        output.moveReaderIndex(forwardBy: output.withUnsafeReadableBytes(socket.send))
        guard output.readableBytes == 0 else { return false }
        // The memory is used again, unless it is more than an idle connection should keep.
        if output.capacity > PublishHandler.keptOutputBytes { output = ByteBuffer() } else { output.clear() }
        return true
    }

    private static let keptOutputBytes = 4096

    // MARK: - Deadlines

    /// Judges the deadlines and sets the timer for the next look.
    ///
    /// There is one timer a connection, not one a request.
    func lookAtDeadlines() {
        guard let context, !isClosing else { return }
        timer?.cancel()
        timer = nil
        switch deadlines.verdict(now: service.now(), isStuck: !context.channel.isWritable) {
        case .lookAgain(let nanoseconds):
            let delay = TimeAmount.nanoseconds(Int64(clamping: nanoseconds))
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.lookAtDeadlines() }
        case .close:
            context.close(promise: nil)
        case .bodyIsLate:
            bodyIsLate(context)
        }
    }

    private func bodyIsLate(_ context: ChannelHandlerContext) {
        guard let publish = incoming else {
            // A routed request: its handler sees the body break off.
            return context.close(promise: nil)
        }
        incoming = nil
        reading = .ended
        let seconds = service.limits.bodyTimeout.nanoseconds / 1_000_000_000
        answer(
            publish.number,
            .refused(APIError(.requestTimeout, "The body did not come within \(seconds) s."), closes: true)
        )
    }

    /// The channel is gone: answers that come later have nowhere to go.
    func forgetConnection() {
        timer?.cancel()
        timer = nil
        context = nil
        socket = .none
        held.removeAll()
        waitingShare = nil
        incoming = nil
        reading = .ended
        outputClose?.fail(ChannelError.ioOnClosedChannel)
        outputClose = nil
    }
}
