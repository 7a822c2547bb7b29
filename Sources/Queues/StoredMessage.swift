package import QueueEngine

/// A message as one who looks on sees it.
package struct StoredMessage: Sendable {
    /// What a receive would find; the raw values are those of figures and metrics.
    package enum State: String, Sendable {
        /// Nobody has it: a receive returns it, of a FIFO queue when its turn comes.
        case visible
        /// It was received and is hidden.
        case inFlight
        /// Its delay isn't over.
        case delayed
    }

    /// Its place in its queue.
    package let ordinal: UInt64
    /// The message, or why it can't be read.
    package let message: Result<QueueMessage, QueueError>
    /// Where it stands.
    package let state: State
    /// How often it was received.
    package let receiveCount: Int

    /// Tells from what is kept of a message where it stands at that time, wall clock, nanoseconds since 1970.
    package init(
        ordinal: UInt64,
        message: Result<QueueMessage, QueueError>,
        entry: ReceiveEntry?,
        nowNanoseconds now: UInt64
    ) {
        self.ordinal = ordinal
        self.message = message
        receiveCount = Int(entry?.receiveCount ?? 0)
        let fresh = (try? message.get())?.visibleAtNanoseconds ?? 0
        switch (entry?.visibleAtNanoseconds ?? fresh) > now {
        case true where receiveCount > 0: state = .inFlight
        case true: state = .delayed
        case false: state = .visible
        }
    }
}
