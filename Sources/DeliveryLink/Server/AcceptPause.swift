package import Logging
package import NIOCore

/// Lets a listening socket rest when the process, or the system, has no file descriptor or buffer for another connection, and says so.
///
/// The listener stays readable meanwhile: who only stops to accept is woken by it again and again, and burns a core.
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(200)
    /// Between two lines in the log, nanoseconds.
    private static let quietNanoseconds: UInt64 = 10_000_000_000

    private let listener: String
    private let logger: Logger
    private var loggedAt: NIODeadline?
    private var isPaused = false

    /// Makes a handler for a listener that is called so in the log.
    package init(listener: String, logger: Logger) {
        self.listener = listener
        self.logger = logger
    }

    /// Puts one in front of what a listening channel has.
    package static func install(on channel: any Channel, listener: String, logger: Logger) {
        channel.eventLoop.execute {
            // A channel that is closed already accepts nothing.
            try? channel.pipeline.syncOperations.addHandler(
                AcceptPause(listener: listener, logger: logger),
                position: .first
            )
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError else { return context.fireErrorCaught(error) }
        tell(error)
        guard !isPaused else { return }
        isPaused = true
        let channel = context.channel
        // Takes the socket out of what the loop waits for.
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: AcceptPause.pause) {
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    private func tell(_ error: IOError) {
        let now = NIODeadline.now()
        if let loggedAt, (now - loggedAt).nanoseconds < Int64(AcceptPause.quietNanoseconds) { return }
        loggedAt = now
        logger.error(
            "connections can't be accepted: raise the limit of open files (ulimit -n, LimitNOFILE) or have fewer clients",
            metadata: ["listener": "\(listener)", "error": "\(error)"]
        )
    }
}
