import FanOut
import NIOCore
import SluiceCore

/// One `GET /topics/{topic}/stream` as a subscriber: its lines wait here until the response's task has written them.
///
/// Bound to the connection's event loop; the task takes chunks from the stream and says when each is written.
final class TopicStreamSubscriber: Subscriber {
    /// A part of the response.
    struct Chunk: Sendable {
        let bytes: ByteBuffer
        /// A piece of history, of which the next is read when this one is written.
        let left: Pledge<Void>?
    }

    /// Why the response ends.
    enum End: Error {
        /// The client reads too slowly, or the log can't be read: the response breaks off.
        case brokenOff
    }

    let id = ConnectionID.random()
    var slot = -1
    /// The stream itself: its connection may ask for other histories.
    private(set) lazy var historyAsker = HistoryAsker(grant, self)
    private let grant: Grant
    private let loop: SubscriberLoop
    private let limits: TopicStreamLimits
    private let output: AsyncThrowingStream<Chunk, any Error>.Continuation
    private var unflushed = ByteBuffer()
    private var waitingBytes = 0
    private var lastWriteNanoseconds: UInt64
    private let closeConnection: () -> Void
    private var phase = Phase.open

    private enum Phase {
        case open
        /// The last line is written; the client has until then to take it, nanoseconds.
        case ending(by: UInt64)
        case ended
    }

    private var isOpen: Bool { if case .open = phase { true } else { false } }

    init(
        on loop: SubscriberLoop,
        grant: Grant,
        limits: TopicStreamLimits,
        now: UInt64,
        output: AsyncThrowingStream<Chunk, any Error>.Continuation,
        closeConnection: @escaping () -> Void
    ) {
        self.loop = loop
        self.grant = grant
        self.limits = limits
        lastWriteNanoseconds = now
        self.output = output
        self.closeConnection = closeConnection
    }

    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome {
        guard isOpen else { return .closed }
        // What waits already counts, as for a WebSocket: one event larger than the limit still comes.
        guard waitingBytes <= limits.unwrittenBytes else { return .tooSlow }
        write(events.bytes)
        return .taken
    }

    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>) {
        guard isOpen else { return left.fail(ChannelError.ioOnClosedChannel) }
        flushNow()
        waitingBytes += events.bytes.readableBytes
        output.yield(Chunk(bytes: events.bytes, left: Pledge(left, broken: ChannelError.ioOnClosedChannel)))
    }

    /// Writes lines of the stream's own.
    func write(_ lines: ByteBuffer) {
        guard isOpen else { return }
        waitingBytes += lines.readableBytes
        if unflushed.readableBytes == 0 { unflushed = lines } else { unflushed.writeImmutableBuffer(lines) }
        loop.flushes.note(self)
    }

    func flushNow() {
        guard unflushed.readableBytes > 0, isOpen else { return }
        output.yield(Chunk(bytes: unflushed, left: nil))
        unflushed = ByteBuffer()
    }

    /// The response's task has written a chunk.
    func wrote(_ bytes: Int, now: UInt64) {
        waitingBytes -= bytes
        lastWriteNanoseconds = now
    }

    func end(_ reason: SubscriberEnd) {
        guard isOpen else { return }
        phase = .ended
        loop.detach(self)
        output.finish(throwing: End.brokenOff)
        // The task may wait for a client that doesn't read.
        closeConnection()
    }

    func lookAtClock(now: UInt64) {
        if case .ending(let deadline) = phase, now >= deadline {
            phase = .ended
            closeConnection()
        }
        guard isOpen else { return }
        if limits.isDraining() { return finish("draining", now) }
        if let expires = limits.expiresAtNanoseconds, now >= expires { return finish("token expired", now) }
        if waitingBytes == 0, now >= lastWriteNanoseconds &+ TopicStreamLimits.silenceNanoseconds {
            lastWriteNanoseconds = now
            write(ByteBuffer(string: "\n"))
        }
    }

    /// Ends the response well, with a line that says why.
    private func finish(_ reason: String, _ now: UInt64) {
        write(TopicStreamLine.end(reason))
        flushNow()
        phase = .ending(by: now &+ TopicStreamLimits.endingNanoseconds)
        loop.detach(self)
        output.finish()
    }
}

/// What a stream may do.
struct TopicStreamLimits {
    /// Bytes that may wait for the client.
    let unwrittenBytes: Int
    /// When the client's token ends, on the clock that doesn't jump.
    let expiresAtNanoseconds: UInt64?
    /// Whether the gateway is draining.
    let isDraining: @Sendable () -> Bool

    /// After so long without an event an empty line is sent, so that nobody on the way takes the connection for dead.
    static let silenceNanoseconds: UInt64 = 20_000_000_000
    /// How long a client may take for the last line.
    static let endingNanoseconds: UInt64 = 5_000_000_000
}
