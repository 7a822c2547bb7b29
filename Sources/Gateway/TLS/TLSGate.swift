import NIOCore
import NIOSSL
import NIOTLS

/// Waits for the end of a TLS handshake, and then has the connection set up for the protocol that both sides chose (ALPN, RFC 7301).
///
/// Nothing is read past it before; a handshake that fails or takes too long closes the connection and is counted.
final class TLSGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let port: TLSPort
    private let timeout: TimeAmount
    private let open: (_ negotiated: String?) throws -> Void
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - port: where failures are counted.
    ///   - timeout: how long a handshake may take.
    ///   - open: sets the pipeline up behind this handler.
    init(_ port: TLSPort, timeout: TimeAmount, open: @escaping (_ negotiated: String?) throws -> Void) {
        self.port = port
        self.timeout = timeout
        self.open = open
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [self] in
            timer = nil
            port.failed(.timeout)
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated):
            timer?.cancel()
            do {
                try open(negotiated)
                context.pipeline.syncOperations.removeHandler(self, promise: nil)
            } catch {
                context.close(promise: nil)
            }
        case is ChannelShouldQuiesceEvent:
            // Who hasn't said anything yet is lost nothing.
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        timer?.cancel()
        port.failed(TLSGate.reason(error))
        context.close(promise: nil)
    }

    private static func reason(_ error: any Error) -> TLSMeasures.Failure {
        // What the library says of a certificate that its authorities don't vouch for.
        "\(error)".utf8.contains("CERTIFICATE".utf8) ? .certificate : .failed
    }
}
