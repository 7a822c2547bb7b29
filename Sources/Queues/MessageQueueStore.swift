package import QueueEngine
package import SluiceCore

/// Where message queues are kept: the driver behind ``MessageQueueService``.
///
/// Messages and the catalogue are durable, changed by the log's writer in its commits. What receivers hold is not: after a crash of the machine
/// every message that isn't deleted can be received at once.
package protocol MessageQueueStore: AnyObject, Sendable {
    /// Makes a change and returns when it is durable.
    /// - Throws: why nothing was changed.
    func commit(_ change: MessageChange) async throws(QueueError) -> MessageChangeOutcome

    /// The queue of a name; nil when there is none.
    func queue(_ id: QueueID) throws(QueueError) -> MessageQueue?

    /// Queues in the order of their names, from behind `after`.
    func queues(after: QueueID?, prefix: ByteString, maximum: Int) throws(QueueError) -> [MessageQueue]

    /// Numbers of deleted queues that have messages left.
    func discardable() throws(QueueError) -> [UInt32]

    /// Hands messages out.
    func receive(from queue: MessageQueue, _ request: ReceiveRequest) throws(QueueError) -> ReceiveOutcome

    /// What the handles are of.
    func standing(
        of handles: [MessageHandle],
        nowNanoseconds: UInt64
    ) throws(QueueError) -> [HandleStanding]

    /// Forgets what was kept of messages that are deleted or moved.
    func forget(queue: UInt32, _ ordinals: [UInt64]) throws(QueueError)

    /// Forgets what was kept of a queue that is deleted.
    func forgetAll(of queue: UInt32) throws(QueueError)

    /// Forgets what receives with an attempt id handed out, when its time is over.
    func forgetAttempts(nowNanoseconds: UInt64) throws(QueueError)

    /// Hides messages from now on for another time.
    /// - Returns: what is wrong with each, nil for those that are hidden.
    func changeVisibility(
        _ changes: [(handle: MessageHandle, seconds: Int)],
        nowNanoseconds: UInt64
    ) throws(QueueError) -> [QueueError?]

    /// The oldest messages up to the ordinal `through`, received or not, for those that move or purge all.
    func ordinals(of queue: UInt32, through: UInt64, maximum: Int) throws(QueueError) -> [UInt64]

    /// The oldest messages whose time is over.
    func expired(in queue: MessageQueue, maximum: Int, nowNanoseconds: UInt64) throws(QueueError) -> [UInt64]

    /// The newest ordinals that were given.
    func lastOrdinals(of queues: [UInt32]) throws(QueueError) -> [UInt64]

    /// Changes with every commit of any process; cheap to ask.
    var commitCount: UInt64 { get }

    /// Syncs what receivers hold: nothing is asked for afterwards.
    func close() throws(QueueError)

    /// Counts a queue's messages.
    func figures(of queue: MessageQueue, nowNanoseconds: UInt64) throws(QueueError) -> MessageQueueFigures

    /// Stored messages from an ordinal on, received or not, for those who look without receiving.
    func messages(
        of queue: MessageQueue,
        from ordinal: UInt64,
        maximum: Int,
        nowNanoseconds: UInt64
    ) throws(QueueError) -> [StoredMessage]
}

/// What a receive asks for.
package struct ReceiveRequest: Sendable {
    /// Messages at most.
    package var maximum: Int
    /// How long they are hidden, seconds; nil for the queue's own.
    package var visibilitySeconds: Int?
    /// Now, wall clock, nanoseconds since 1970.
    package var nowNanoseconds: UInt64
    /// By what a FIFO queue knows a receive that is tried again (API reference, "ReceiveMessage", ReceiveRequestAttemptId).
    package var attemptID: ByteString?

    package init(
        maximum: Int,
        visibilitySeconds: Int? = nil,
        nowNanoseconds: UInt64,
        attemptID: ByteString? = nil
    ) {
        self.maximum = maximum
        self.visibilitySeconds = visibilitySeconds
        self.nowNanoseconds = nowNanoseconds
        self.attemptID = attemptID
    }
}

/// What a handle is of.
package enum HandleStanding: Hashable, Sendable {
    /// A message in flight.
    case inFlight
    /// The message's last receive, whose visibility timeout is over.
    case lapsed
    /// A receive before the last one.
    case stale
    /// A message that is deleted, or of which nothing is kept.
    case gone
}

/// A message in its receiver's hands.
package struct ReceivedMessage: Sendable {
    /// The message.
    package let message: QueueMessage
    /// What deletes it.
    package let handle: MessageHandle
    /// How often it was received, and when first.
    package let entry: ReceiveEntry

    package init(message: QueueMessage, handle: MessageHandle, entry: ReceiveEntry) {
        self.message = message
        self.handle = handle
        self.entry = entry
    }
}

/// What a receive found.
package struct ReceiveOutcome: Sendable {
    /// The messages.
    package var received: [ReceivedMessage] = []
    /// Messages that move to the dead-letter queue.
    package var deadLetters: [UInt64] = []
    /// Messages whose time is over.
    package var expired: [UInt64] = []
    /// Messages that are damaged: they are kept from everybody else for a visibility timeout.
    package var damaged: [(ordinal: UInt64, error: QueueError)] = []
    /// When the next hidden message can be received, wall clock, nanoseconds since 1970; nil when none is hidden.
    package var nextVisibleAtNanoseconds: UInt64?
    /// As many messages are in flight as may be.
    package var isOverLimit = false
    /// Whether there are messages behind those that were looked at.
    package var looksFurther = false

    /// Whether another look may find more at once: something was in the way, or not all was looked at.
    package var isIncomplete: Bool {
        looksFurther || !deadLetters.isEmpty || !expired.isEmpty || !damaged.isEmpty
    }

    package init() {}
}
