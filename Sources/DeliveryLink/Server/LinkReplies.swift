package import NIOCore
import Synchronization

/// The way back of one link: takes receipts from any thread.
///
/// All that come before the event loop gets to them leave in one write.
package final class LinkReplies: Sendable {
    private struct Pending {
        var receipts: [Receipt] = []
        /// Whether the loop knows that it has to look.
        var isScheduled = false
    }

    /// The event loop that the link lives on.
    package let eventLoop: any EventLoop
    private let write: @Sendable ([Receipt]) -> Void
    private let refuse: @Sendable (LinkError) -> Void
    // One lock a call of send(), not one a receipt; a link is one per publisher, not one per client.
    private let pending = Mutex(Pending())

    /// Makes a way back.
    /// - Parameters:
    ///   - eventLoop: where `write` is called.
    ///   - write: takes the receipts that gathered.
    ///   - refuse: ends the link with an error that its publisher reads.
    package init(
        eventLoop: any EventLoop,
        write: @escaping @Sendable ([Receipt]) -> Void,
        refuse: @escaping @Sendable (LinkError) -> Void = { _ in }
    ) {
        self.eventLoop = eventLoop
        self.write = write
        self.refuse = refuse
    }

    /// Ends the link: its publisher delivers what must not be taken.
    ///
    /// On the event loop only. What was sent before goes out first; deliveries without a receipt stay the publisher's.
    package func end(_ error: LinkError) {
        flush()
        refuse(error)
    }

    /// Answers deliveries.
    ///
    /// Receipts for deliveries that were answered before, or of a link that is gone, have no effect.
    package func send(_ receipts: [Receipt]) {
        guard !receipts.isEmpty else { return }
        let mustWake = pending.withLock { pending in
            pending.receipts.append(contentsOf: receipts)
            defer { pending.isScheduled = true }
            return !pending.isScheduled
        }
        if mustWake { eventLoop.execute { self.flush() } }
    }

    /// Runs `body` and writes what it sent at its end, without a wake-up.
    ///
    /// On the event loop only.
    func gather(_ body: () -> Void) {
        pending.withLock { $0.isScheduled = true }
        body()
        // A wake-up that was on its way already finds nothing then.
        flush()
    }

    private func flush() {
        let receipts = pending.withLock { pending in
            defer { pending = Pending() }
            return pending.receipts
        }
        if !receipts.isEmpty { write(receipts) }
    }
}
