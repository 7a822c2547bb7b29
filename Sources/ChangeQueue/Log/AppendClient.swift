/// Someone who appends through a ``LogWriter``.
public protocol AppendClient: AnyObject, Sendable {
    /// Takes the outcomes of a commit: one call a commit, on the writer's thread. It must not block.
    ///
    /// Requests that the writer can't take (`overloaded`, `shuttingDown`) are answered within `submit`, on the caller's
    /// thread.
    func completed(_ outcomes: [AppendOutcome])
}
