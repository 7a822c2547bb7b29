/// Someone who appends through ``LogAppending``.
public protocol AppendClient: AnyObject, Sendable {
    /// Takes the outcomes of a commit: one call a commit, on a thread of the log's. It must not block.
    ///
    /// Requests that the log can't take (`overloaded`, `shuttingDown`) are answered within `submit`, on the caller's thread.
    func completed(_ outcomes: [AppendOutcome])
}
