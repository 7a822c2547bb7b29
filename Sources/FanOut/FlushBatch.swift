import NIOCore

/// The subscribers of one event loop that have something to flush: each is flushed once, at the end of whatever the loop was called for.
package final class FlushBatch {
    private let eventLoop: any EventLoop
    private var dirty: [any Subscriber] = []
    private var flushing: [any Subscriber] = []
    private var isFlushing = false
    private var isPlanned = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Notes that a subscriber was written to.
    package func note(_ subscriber: any Subscriber) { dirty.append(subscriber) }

    /// Flushes every subscriber that was written to.
    package func flush() {
        // A flush may break a connection, whose end calls this again: the outer call does it all.
        guard !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        while !dirty.isEmpty {
            // The two lists take turns, so that neither is allocated anew.
            swap(&dirty, &flushing)
            for subscriber in flushing { subscriber.flushNow() }
            flushing.removeAll(keepingCapacity: true)
        }
    }

    /// Flushes at the end of the turn, for writes in calls that nobody sees the end of.
    package func flushLater() {
        guard !isPlanned else { return }
        isPlanned = true
        eventLoop.assumeIsolated().execute {
            self.isPlanned = false
            self.flush()
        }
    }
}
