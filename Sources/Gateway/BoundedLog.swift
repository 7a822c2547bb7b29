import Logging
import SluiceCore
import Synchronization

/// One kind of log line that outside input can cause, written once a second at most.
final class BoundedLog: Sendable {
    private let logger: Logger
    private let limit = Mutex(LogRateLimit())

    init(_ logger: Logger) { self.logger = logger }

    /// Writes a line with how many were left out before it, or leaves it out.
    ///
    /// `metadata`: only made for a line that is written.
    func write(_ level: Logger.Level, _ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
        let now = StageClock.nowNanoseconds()
        guard let leftOut = limit.withLock({ $0.admit(atNanoseconds: now) }) else { return }
        var metadata = metadata()
        if leftOut > 0 { metadata["leftOut"] = "\(leftOut)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
