import FanOut
import NIOCore
import SluiceCore

extension WebSocketConnectionHandler {
    /// Closes the connection from the gateway's side.
    func close(_ code: CloseCode) {
        perform(handshake.close(code, until: closeDeadline))
    }

    func lookAtClock(now: UInt64) {
        if handshake.isOverdue(now: now) { return perform(.end) }
        guard handshake.isOpen else { return }
        let configuration = loop.services.configuration
        // Spread by place, so that connections which came in one storm aren't pinged in one.
        let spread = UInt64(slot & 15) * 500_000_000
        let pingAfter = nanoseconds(configuration.pingInterval)
        let verdict = watch.verdict(
            now: now,
            pingAfter: pingAfter > 2 * spread ? pingAfter - spread : pingAfter,
            idleAfter: nanoseconds(configuration.idleTimeout),
            messageAfter: nanoseconds(configuration.messageTimeout)
        )
        switch verdict {
        case .nothing: break
        case .ping: write(ServerFrame.ping)
        case .warn(let warning): warn(warning)
        case .close(let code): close(code)
        }
    }

    /// Whether a moment when a connection began and the limit of its age make an end; spread, so that those of one storm don't come back in one.
    static func ageEnd(of configuration: WebSocketConfiguration, now: UInt64) -> UInt64? {
        guard let maximum = configuration.maximumAge else { return nil }
        let age = UInt64(clamping: maximum.nanoseconds)
        return now &+ age - UInt64.random(in: 0...(age / 20))
    }

    /// The client broke the protocol: nothing more of it counts.
    ///
    /// It may still be sending: closing at once would reset the connection and take the close frame away from it, so
    /// only our side is closed, and the rest when the client's is (RFC 6455, section 7.1.1) or the deadline has passed.
    func fail(_ code: CloseCode) { perform(handshake.fail(code, until: closeDeadline)) }

    var closeDeadline: UInt64 {
        loop.services.now() &+ nanoseconds(loop.services.configuration.closeTimeout)
    }

    func perform(_ action: CloseHandshake.Action) {
        switch action {
        case .none: break
        case .send(let code):
            loop.services.counters.closed(code)
            writeLast(ServerFrame.close(code), thenClose: nil)
        case .sendAndLinger(let code):
            loop.services.counters.closed(code)
            writeLast(ServerFrame.close(code), thenClose: .output)
        case .answer(let code): writeLast(ServerFrame.closeAnswer(code), thenClose: .all)
        case .sendAndEnd(let code):
            loop.services.counters.closed(code)
            writeLast(ServerFrame.close(code), thenClose: .all)
        case .end: context?.close(promise: nil)
        }
    }

    private func writeLast(_ frame: ByteBuffer, thenClose mode: CloseMode?) {
        loop.subscribers.detach(self)
        waitingRequests = nil
        guard let context else { return }
        let channel = context.channel
        let promise = mode.map { mode in
            let written = channel.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in channel.close(mode: mode, promise: nil) }
            return written
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
        readIfWanted()
    }

    private func nanoseconds(_ amount: TimeAmount) -> UInt64 { UInt64(clamping: amount.nanoseconds) }
}
