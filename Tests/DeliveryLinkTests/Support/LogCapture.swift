import Logging

/// Takes log lines down as a stream that a test reads: message and error.
struct LogCapture: LogHandler {
    let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init() { (lines, continuation) = AsyncStream.makeStream() }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        continuation.yield("\(event.level) \(event.message) \(event.metadata?["error"].map { "\($0)" } ?? "")")
    }

    /// A logger that writes here.
    var logger: Logger { Logger(label: "link", factory: { _ in self }) }
}

extension AsyncStream<String>.Iterator {
    /// Waits for a line that contains all of these.
    mutating func line(with parts: String...) async -> String? {
        while let line = await next(isolation: #isolation) {
            if parts.allSatisfy({ line.contains($0) }) { return line }
        }
        return nil
    }
}
