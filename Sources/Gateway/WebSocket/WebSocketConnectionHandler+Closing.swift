import NIOCore
import SluiceCore

extension WebSocketConnectionHandler {
    /// Closes the connection from the gateway's side.
    func close(_ code: CloseCode) {
        perform(
            handshake.close(code, until: loop.services.now() &+ nanoseconds(loop.services.configuration.closeTimeout))
        )
    }

    /// Looks at the clock.
    func sweep(now: UInt64) {
        if handshake.isOverdue(now: now) { return perform(.end) }
        guard handshake.isOpen else { return }
        let configuration = loop.services.configuration
        // Spread by place, so that connections which came in one storm aren't pinged in one.
        let spread = UInt64(slot & 15) * 500_000_000
        let pingAfter = nanoseconds(configuration.pingInterval)
        let verdict = watch.verdict(
            now: now,
            pingAfter: pingAfter > 2 * spread ? pingAfter - spread : pingAfter,
            idleAfter: nanoseconds(configuration.idleTimeout)
        )
        switch verdict {
        case .nothing: break
        case .ping: write(ServerFrame.ping)
        case .close(let code): close(code)
        }
    }

    /// The client broke the protocol: nothing more of it counts.
    ///
    /// It gets a moment to take the close frame before the connection is cut.
    func fail(_ code: CloseCode) {
        perform(handshake.close(code, until: loop.services.now() &+ WebSocketConnectionHandler.lingerNanoseconds))
    }

    private static let lingerNanoseconds: UInt64 = 250_000_000

    func perform(_ action: CloseHandshake.Action) {
        switch action {
        case .none: break
        case .send(let code):
            loop.services.counters.closed(code)
            writeLast(ServerFrame.close(code), thenClose: false)
        case .answer(let code): writeLast(ServerFrame.closeAnswer(code), thenClose: true)
        case .sendAndEnd(let code):
            loop.services.counters.closed(code)
            writeLast(ServerFrame.close(code), thenClose: true)
        case .end: context?.close(promise: nil)
        }
    }

    private func writeLast(_ frame: ByteBuffer, thenClose: Bool) {
        loop.detach(self)
        held = nil
        guard let context else { return }
        let promise = thenClose ? context.eventLoop.makePromise(of: Void.self) : nil
        let channel = context.channel
        promise?.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
        readIfWanted()
    }

    private func nanoseconds(_ amount: TimeAmount) -> UInt64 { UInt64(clamping: amount.nanoseconds) }
}
