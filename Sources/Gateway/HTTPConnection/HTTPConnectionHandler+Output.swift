import ChangeQueue
import FanOut
import NIOCore
import NIOHTTP1
import SluiceCore

/// Answers that are rendered and not yet in the channel: one buffer for all that a commit brings.
struct AnswerOutput {
    /// Whether the connection is going to be flushed.
    enum Flush {
        case none
        case planned
    }

    private var writer: AnswerWriter
    var bytes = ByteBuffer()
    var flush = Flush.none
    /// How the body of the routed answer is written that has begun.
    var transfer = RoutedTransfer.plain

    /// The memory that an idle connection may keep, bytes.
    static let keptBytes = 4096
    /// From this size on a body isn't copied behind its head, bytes.
    static let largeBytes = 16 * 1024

    init(logID: UInt32) { writer = AnswerWriter(logID: logID) }

    mutating func write(_ answer: PublishAnswer, _ framing: AnswerFraming) {
        writer.write(answer, framing, to: &bytes)
    }

    mutating func write(_ head: RoutedHead, _ framing: AnswerFraming) {
        transfer = writer.write(head, framing, to: &bytes)
    }

    mutating func writeSwitch(_ fields: HTTPHeaders) { writer.writeSwitch(fields, to: &bytes) }
}

/// Outbound: one flush per connection and commit.
extension HTTPConnectionHandler: LaterFlushing {
    /// Takes a publish's answer and writes what is due.
    func answer(_ number: UInt64, _ answer: PublishAnswer) {
        guard context != nil, connection.answer(number, answer) else { return }
        perform()
    }

    func write(_ answer: PublishAnswer, _ framing: AnswerFraming) {
        service.counters.count(answer)
        if case .refused(let error, _, _) = answer {
            service.accessLog.refused(error, "publish", from: connection.client)
        }
        output.write(answer, framing)
        planFlush()
    }

    func sendContinue() {
        output.bytes.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        planFlush()
    }

    /// Gives the rendered answers to the channel, in front of whatever is written after them.
    func handOutputOver(_ promise: EventLoopPromise<Void>? = nil) {
        guard output.bytes.readableBytes > 0 || promise != nil else { return }
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(output.bytes), promise: promise)
        output.bytes = ByteBuffer()
    }

    /// Flushes once when the loop's current batch of work is done.
    func planFlush() {
        guard case .none = output.flush else { return }
        output.flush = .planned
        bridge.flushLater(self)
    }

    func flushNow() {
        output.flush = .none
        if sendOutputDirectly() { return }
        handOutputOver()
        context?.flush()
    }

    /// Sends the rendered answers past the channel, if nothing waits there.
    /// - Returns: whether nothing is left to do.
    private func sendOutputDirectly() -> Bool {
        guard socket.isUsable, connection.phase == .open, output.bytes.readableBytes > 0,
            let options = context?.channel.syncOptions, (try? options.getOption(.bufferedWritableBytes)) == 0
        else { return false }
        output.bytes.moveReaderIndex(forwardBy: output.bytes.withUnsafeReadableBytes(socket.send))
        guard output.bytes.readableBytes == 0 else { return false }
        // The memory is used again, unless it is more than an idle connection should keep.
        if output.bytes.capacity > AnswerOutput.keptBytes { output.bytes = ByteBuffer() } else { output.bytes.clear() }
        return true
    }

    // MARK: - Routed answers

    /// Takes a piece of a routed answer; `promise` is completed when the client can take another, or is gone.
    func answerRouted(_ number: UInt64, _ piece: RoutedPiece, _ promise: EventLoopPromise<Void>?) {
        guard let context, begin(number, piece) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if let body = piece.body { writeRouted(body, context) }
        switch piece.place {
        case .more:
            flushNow()
        case .last:
            if case .chunked = output.transfer { output.bytes.writeStaticString("0\r\n\r\n") }
            routed = nil
            connection.endRoutedAnswer(number, now: service.now())
            planFlush()
        }
        perform()
        if case .more = piece.place, self.context?.channel.isWritable == false {
            waitingWrite = promise
        } else {
            promise?.succeed()
        }
    }

    /// Writes the head if the piece has it; false when nobody waits for the answer any more.
    private func begin(_ number: UInt64, _ piece: RoutedPiece) -> Bool {
        guard let head = piece.head else { return connection.wantsRoutedAnswer(number) }
        guard let framing = connection.beginRoutedAnswer(number, isDelimited: head.isDelimited) else { return false }
        output.write(head, framing)
        return true
    }

    private func writeRouted(_ body: ByteBuffer, _ context: ChannelHandlerContext) {
        guard body.readableBytes > 0 else { return }
        switch output.transfer {
        case .leftOut: return
        case .plain: append(body, context)
        case .chunked:
            output.bytes.writeString(String(body.readableBytes, radix: 16))
            output.bytes.writeStaticString("\r\n")
            append(body, context)
            output.bytes.writeStaticString("\r\n")
        }
    }

    private func append(_ body: ByteBuffer, _ context: ChannelHandlerContext) {
        guard body.readableBytes >= AnswerOutput.largeBytes else {
            output.bytes.writeImmutableBuffer(body)
            return
        }
        handOutputOver()
        context.write(wrapOutboundOut(body), promise: nil)
    }

    /// Whoever answers a routed request is done.
    func routedEnded(_ number: UInt64) {
        guard context != nil else { return }
        connection.routedEnded(number)
        perform()
    }

    /// More of a routed request's body is wanted.
    func routedWantsBody(_ number: UInt64) {
        guard number == connection.routedNumber else { return }
        routed?.wantMore()
        resumeReading()
    }
}
