import NIOCore
import SluiceCore

/// Performs what a ``LinkServerSession`` decides, on the link's event loop.
final class LinkServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: LinkLimits
    private let receiver: any DeliveryReceiver
    /// Asked once, when the publisher has proven itself: why the link gets no place, or nil.
    private let onProof: () -> LinkError?
    /// Told why the link ended and whether it had been open.
    private let onEnd: (LinkError, Bool) -> Void

    private var session: LinkServerSession
    private var decoder = LinkFrameDecoder()
    /// The deliveries of this read.
    private var taken: [Delivery] = []
    private var mustFlush = false
    private var wasOpen = false
    private var ending: LinkError?
    private var context: ChannelHandlerContext?
    private var replies: LinkReplies?
    private var nextTick: Scheduled<Void>?

    init(
        session: LinkServerSession,
        limits: LinkLimits,
        receiver: any DeliveryReceiver,
        onProof: @escaping () -> LinkError?,
        onEnd: @escaping (LinkError, Bool) -> Void
    ) {
        self.session = session
        self.limits = limits
        self.receiver = receiver
        self.onProof = onProof
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        replies = LinkReplies(eventLoop: context.eventLoop) {
            handler.value.write($0)
        } refuse: {
            handler.value.refuse($0)
        }
        scheduleTick(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        nextTick?.cancel()
        self.context = nil
        // The closure in it holds this handler.
        replies = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.disconnected()
        taken = []
        onEnd(ending ?? LinkError(.connectionLost, "The publisher has closed the connection."), wasOpen)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if ending == nil {
            ending =
                LinkTLS.failure(error, of: "a publisher")
                ?? LinkError(.connectionLost, "The connection to the publisher broke: \(error).")
        }
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? LinkServerEvent else { return context.fireUserInboundEventTriggered(event) }
        switch event {
        case .drain: perform(session.drain(), context: context)
        case .displace: perform(session.displace(limits), context: context)
        case .close: perform(session.close(), context: context)
        }
        flush(context)
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending == nil else { return }
        let now = StageClock.nowNanoseconds()
        decoder.append(unwrapInboundIn(data))
        do throws(LinkError) {
            while ending == nil, let frame = try decoder.next() {
                let action = session.receive(frame, byteCount: decoder.frameBytes, nowNanoseconds: now)
                if case .deliver(var delivery) = action {
                    delivery.takenAtNanoseconds = now
                    taken.append(delivery)
                } else {
                    perform(action, context: context)
                }
            }
        } catch {
            perform(session.fail(error), context: context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !taken.isEmpty, let replies {
            let deliveries = taken
            taken = []
            replies.gather { receiver.receive(deliveries, on: replies) }
        }
        flush(context)
        context.fireChannelReadComplete()
    }

    // MARK: - Writing

    /// Writes the receipts that gathered, in one go.
    private func write(_ receipts: [Receipt]) {
        guard let context else { return }
        let due = session.reply(receipts)
        guard !due.isEmpty else { return }
        var buffer = context.channel.allocator.buffer(capacity: due.count * 64)
        for receipt in due { LinkFrameEncoder.encode(receipt, into: &buffer) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        mustFlush = false
    }

    /// The receiver takes nothing more of this publisher.
    private func refuse(_ error: LinkError) {
        guard let context, ending == nil else { return }
        perform(session.fail(error), context: context)
        flush(context)
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

    private func perform(_ action: LinkServerSession.Action, context: ChannelHandlerContext) {
        switch action {
        case .nothing:
            break
        case .write(let frame):
            write(frame, context: context)
        case .seek:
            perform(session.admit(unless: onProof()), context: context)
        case .open(let welcome):
            decoder.maximumFrameBytes = limits.maximumFrameBytes
            wasOpen = true
            write(.welcome(welcome), context: context)
        case .deliver(let delivery):
            taken.append(delivery)
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
        // Nothing of a read that went wrong is handed over: the publisher has no receipts and sends it all again.
        taken = []
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
