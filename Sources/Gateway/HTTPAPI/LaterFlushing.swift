/// A connection that has written and wants one flush when its loop's current batch of work is done, see
/// ``AppendBridge/flushLater(_:)``.
///
/// A connection asks once per batch: it keeps a flag that ``flushNow()`` clears.
public protocol LaterFlushing: AnyObject {
    /// Flushes what has been written. Called on the event loop.
    func flushNow()
}
