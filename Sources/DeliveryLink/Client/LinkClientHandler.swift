import NIOCore
import SluiceCore

/// Performs what a ``LinkClientSession`` decides, on the link's event loop: one for each connection.
final class LinkClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: LinkLimits
    private let owner: LinkClientLoop

    private var session: LinkClientSession
    private var decoder = LinkFrameDecoder()
    /// The receipts of this read.
    private var receipts: [Receipt] = []
    private var mustFlush = false
    private var wasOpen = false
    private var ending: LinkError?
    private var context: ChannelHandlerContext?
    private var nextTick: Scheduled<Void>?

    init(session: LinkClientSession, limits: LinkLimits, owner: LinkClientLoop) {
        self.session = session
        self.limits = limits
        self.owner = owner
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        nextTick?.cancel()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        guard owner.attach(self) else { return context.close(promise: nil) }
        write(session.start(), context: context)
        flush(context)
        scheduleTick(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Receipts that came before the end count.
        deliverReceipts()
        let unacknowledged = session.disconnected()
        let error = ending ?? LinkError(.connectionLost, "The gateway has closed the connection.")
        owner.ended(self, unacknowledged: unacknowledged, error: error, wasOpen: wasOpen)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if ending == nil {
            ending =
                LinkTLS.failure(error, of: "the gateway")
                ?? LinkError(.connectionLost, "The connection to the gateway broke: \(error).")
        }
        context.close(promise: nil)
    }

    // MARK: - The publisher's side

    /// Writes what the credit allows, in one go, and keeps the rest.
    func send(_ deliveries: OutgoingDeliveries) {
        apply(session.send(deliveries))
    }

    /// Sends no more and closes when the receipts that are due have come.
    func close() {
        guard let context else { return }
        perform(session.close(nowNanoseconds: StageClock.nowNanoseconds()), context: context)
        apply(session.settle())
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending == nil else { return }
        let now = StageClock.nowNanoseconds()
        decoder.append(unwrapInboundIn(data))
        do throws(LinkError) {
            while ending == nil, let frame = try decoder.next() {
                let action = session.receive(frame, nowNanoseconds: now)
                if case .receipt(let receipt) = action {
                    receipts.append(receipt)
                } else {
                    perform(action, context: context)
                }
            }
        } catch {
            perform(session.fail(error), context: context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        deliverReceipts()
        apply(session.settle())
        context.fireChannelReadComplete()
    }

    private func deliverReceipts() {
        guard !receipts.isEmpty else { return }
        let batch = receipts
        receipts = []
        owner.received(batch)
    }

    // MARK: - Writing

    private func apply(_ outcome: LinkClientSession.Outcome) {
        guard let context else { return owner.received(outcome.refused) }
        for frames in outcome.frames {
            context.write(wrapOutboundOut(frames), promise: nil)
            mustFlush = true
        }
        flush(context)
        owner.received(outcome.refused)
        if let error = session.finished() { end(error, context: context) }
    }

    private func write(_ frame: LinkFrame, context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: 128)
        LinkFrameEncoder.encode(frame, into: &buffer)
        context.write(wrapOutboundOut(buffer), promise: nil)
        mustFlush = true
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard mustFlush else { return }
        mustFlush = false
        context.flush()
    }

    private func perform(_ action: LinkClientSession.Action, context: ChannelHandlerContext) {
        switch action {
        case .nothing:
            break
        case .write(let frame):
            write(frame, context: context)
        case .open(let credit):
            decoder.maximumFrameBytes = limits.maximumFrameBytes
            wasOpen = true
            owner.opened(credit)
        case .receipt(let receipt):
            receipts.append(receipt)
        case .reject(let error):
            write(.reject(error), context: context)
            flush(context)
            end(error, context: context)
        case .close(let error):
            end(error, context: context)
        }
    }

    private func end(_ error: LinkError, context: ChannelHandlerContext) {
        ending = error
        context.close(promise: nil)
    }

    private func scheduleTick(_ context: ChannelHandlerContext) {
        nextTick = context.eventLoop.assumeIsolated().scheduleTask(
            in: .nanoseconds(Int64(clamping: limits.tickNanoseconds))
        ) {
            guard let context = self.context else { return }
            self.perform(self.session.tick(nowNanoseconds: StageClock.nowNanoseconds()), context: context)
            self.flush(context)
            if self.ending == nil { self.scheduleTick(context) }
        }
    }
}
