import ChangeQueue
import NIOCore
import NIOPosix

/// Makes the publisher's loop look when its doorbell rings.
final class DoorbellHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bell: any LogBell
    private let onRing: () -> Void

    private init(_ bell: any LogBell, onRing: @escaping () -> Void) {
        self.bell = bell
        self.onRing = onRing
    }

    /// Waits for the bell on `eventLoop`, on which it is called; `onRing` once for all rings that came until then.
    /// - Throws: `ChangeQueueError` with code `cannotOpen`.
    static func listen(
        to bell: any LogBell,
        on eventLoop: any EventLoop,
        onRing: @escaping () -> Void
    ) throws -> EventLoopFuture<any Channel> {
        let handler = NIOLoopBound(DoorbellHandler(bell, onRing: onRing), eventLoop: eventLoop)
        let descriptor = try bell.makeDescriptor()
        return NIOPipeBootstrap(group: eventLoop)
            // A ring is a byte; the handler takes the others without a buffer.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handler.value)
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        bell.silence()
        onRing()
    }
}
