import SluiceCore

/// What a queue keeps of a message that was received or is delayed; one that was never looked at has none.
public struct ReceiveEntry: Hashable, Sendable {
    /// From when on it can be received, wall clock, nanoseconds since 1970.
    public var visibleAtNanoseconds: UInt64
    /// The receive that its handle is of; a later one makes the handle stale.
    public var receive: UInt64
    /// How often it was received.
    public var receiveCount: UInt32
    /// When it was received for the first time, wall clock, nanoseconds since 1970.
    public var firstReceivedAtNanoseconds: UInt64

    /// Makes an entry.
    public init(visibleAtNanoseconds: UInt64, receive: UInt64, receiveCount: UInt32, firstReceivedAtNanoseconds: UInt64)
    {
        self.visibleAtNanoseconds = visibleAtNanoseconds
        self.receive = receive
        self.receiveCount = receiveCount
        self.firstReceivedAtNanoseconds = firstReceivedAtNanoseconds
    }
}

/// A receive, as a value: judges one message after the other.
///
/// From a standard queue, messages whose visibility is over or whose delay has passed come before those that nobody has looked at, each in the order
/// of their times; from a FIFO queue the next of each group (``MessageGroup``).
public struct StandardReceive: Sendable {
    /// What becomes of a message.
    public enum Verdict: Hashable, Sendable {
        /// It is received, and this is kept of it.
        case receive(ReceiveEntry)
        /// It was received too often: it moves to the dead-letter queue, and this keeps others from it meanwhile.
        case deadLetter(ReceiveEntry)
        /// Its delay isn't over: this is kept of it.
        case wait(ReceiveEntry)
        /// It was kept for as long as the queue keeps messages: it is deleted.
        case expired
    }

    private let attributes: MessageQueueAttributes
    private let visibilityNanoseconds: UInt64
    /// The number of this receive.
    public let receive: UInt64
    /// The moment of the receive, wall clock, nanoseconds since 1970.
    public let nowNanoseconds: UInt64

    /// How long a dead letter is kept from others while it moves, nanoseconds: after it somebody else moves it.
    static let movingNanoseconds: UInt64 = 30_000_000_000

    /// A receive with a visibility timeout of its own, or the queue's.
    public init(_ attributes: MessageQueueAttributes, receive: UInt64, visibilitySeconds: Int?, nowNanoseconds: UInt64)
    {
        self.attributes = attributes
        self.receive = receive
        visibilityNanoseconds = UInt64(visibilitySeconds ?? attributes.visibilityTimeoutSeconds) * 1_000_000_000
        self.nowNanoseconds = nowNanoseconds
    }

    /// Judges a message of which `entry` was kept.
    public func judge(_ entry: ReceiveEntry, sentAtNanoseconds: UInt64) -> Verdict {
        guard !isExpired(sentAtNanoseconds) else { return .expired }
        if let redrive = attributes.redrive, entry.receiveCount >= redrive.maximumReceives {
            var moving = entry
            moving.visibleAtNanoseconds = nowNanoseconds.saturatingAdd(StandardReceive.movingNanoseconds)
            return .deadLetter(moving)
        }
        return .receive(received(entry))
    }

    /// Judges a message that nobody has looked at.
    public func judgeFresh(sentAtNanoseconds: UInt64, visibleAtNanoseconds: UInt64) -> Verdict {
        let untouched = ReceiveEntry(
            visibleAtNanoseconds: visibleAtNanoseconds,
            receive: 0,
            receiveCount: 0,
            firstReceivedAtNanoseconds: 0
        )
        guard visibleAtNanoseconds <= nowNanoseconds else { return .wait(untouched) }
        return judge(untouched, sentAtNanoseconds: sentAtNanoseconds)
    }

    /// What is kept of a message that is about to be removed, or can't be read: nobody is given it for a while.
    public func setAside(_ entry: ReceiveEntry?) -> ReceiveEntry {
        ReceiveEntry(
            visibleAtNanoseconds: nowNanoseconds.saturatingAdd(StandardReceive.movingNanoseconds),
            receive: receive,
            receiveCount: entry?.receiveCount ?? 0,
            firstReceivedAtNanoseconds: entry?.firstReceivedAtNanoseconds ?? 0
        )
    }

    /// What is kept of a message that is handed out once more to who has it already.
    public func hiddenAnew(_ entry: ReceiveEntry) -> ReceiveEntry {
        var entry = entry
        entry.visibleAtNanoseconds = nowNanoseconds.saturatingAdd(visibilityNanoseconds)
        return entry
    }

    private func received(_ entry: ReceiveEntry) -> ReceiveEntry {
        ReceiveEntry(
            visibleAtNanoseconds: nowNanoseconds.saturatingAdd(visibilityNanoseconds),
            receive: receive,
            receiveCount: entry.receiveCount == .max ? .max : entry.receiveCount + 1,
            firstReceivedAtNanoseconds: entry.receiveCount == 0 ? nowNanoseconds : entry.firstReceivedAtNanoseconds
        )
    }

    private func isExpired(_ sentAtNanoseconds: UInt64) -> Bool {
        nowNanoseconds > sentAtNanoseconds.saturatingAdd(UInt64(attributes.retentionSeconds) * 1_000_000_000)
    }
}

/// What a receipt handle says: the queue, the message, and the receive that gave it.
public struct MessageHandle: Hashable, Sendable {
    /// The queue's number.
    public let queue: UInt32
    /// The message's ordinal.
    public let ordinal: UInt64
    /// The receive.
    public let receive: UInt64

    /// Makes a handle.
    public init(queue: UInt32, ordinal: UInt64, receive: UInt64) {
        self.queue = queue
        self.ordinal = ordinal
        self.receive = receive
    }

    /// Reads a handle's text; nil when it isn't one.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        guard parts.count == 4, parts[0] == "m", let queue = UInt32(parts[1], radix: 36),
            let ordinal = UInt64(parts[2], radix: 36),
            let receive = UInt64(parts[3], radix: 36)
        else { return nil }
        self.init(queue: queue, ordinal: ordinal, receive: receive)
    }

    /// Its text.
    public var text: String {
        "m-\(String(queue, radix: 36))-\(String(ordinal, radix: 36))-\(String(receive, radix: 36))"
    }
}
