import FanOut
import NIOCore
import SluiceCore

/// One response that doesn't end by itself as a subscriber, lines or server-sent events: its bytes wait here
/// until the response's task has written them.
///
/// Bound to the connection's event loop; the task takes chunks from the stream and says when each is written.
final class EventStreamSubscriber: Subscriber {
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
    private let limits: EventStreamLimits
    private var framing: any StreamFraming
    private let output: AsyncThrowingStream<Chunk, any Error>.Continuation
    private var unflushed = ByteBuffer()
    private var waitingBytes = 0
    private var lastWriteNanoseconds: UInt64
    private let closeConnection: () -> Void
    private var phase = Phase.open

    private enum Phase {
        case open
        /// The gateway drains; the response ends then, nanoseconds.
        case draining(at: UInt64)
        /// The last line is written; the client has until then to take it, nanoseconds.
        case ending(by: UInt64)
        case ended
    }

    private var isOpen: Bool {
        switch phase {
        case .open, .draining: true
        case .ending, .ended: false
        }
    }

    init(
        on loop: SubscriberLoop,
        grant: Grant,
        limits: EventStreamLimits,
        framing: any StreamFraming,
        now: UInt64,
        output: AsyncThrowingStream<Chunk, any Error>.Continuation,
        closeConnection: @escaping () -> Void
    ) {
        self.loop = loop
        self.grant = grant
        self.limits = limits
        self.framing = framing
        lastWriteNanoseconds = now
        self.output = output
        self.closeConnection = closeConnection
    }

    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome {
        guard isOpen else { return .closed }
        // What waits already counts, as for a WebSocket: one event larger than the limit still comes.
        guard waitingBytes <= limits.unwrittenBytes else { return .tooSlow }
        write(framing.events(events))
        return .taken
    }

    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>) {
        guard isOpen else { return left.fail(ChannelError.ioOnClosedChannel) }
        flushNow()
        let bytes = framing.events(events)
        waitingBytes += bytes.readableBytes
        output.yield(Chunk(bytes: bytes, left: Pledge(left, broken: ChannelError.ioOnClosedChannel)))
    }

    /// Writes where the topics begin.
    func begin(_ topics: [SubscribedTopic], after known: [SequenceNumber?], json: [UInt8]) {
        write(framing.subscribed(topics, after: known, json: json))
    }

    private func write(_ lines: ByteBuffer) {
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
        if case .draining(let time) = phase, now >= time { return finish("draining", now) }
        guard isOpen else { return }
        if case .open = phase, limits.isDraining() {
            // Not all of them come back at once.
            let window = limits.drainNanoseconds
            phase = .draining(at: now &+ (window == 0 ? 0 : UInt64.random(in: 0..<window)))
        }
        if let expires = limits.expiresAtNanoseconds, now >= expires { return finish("token expired", now) }
        if waitingBytes == 0, now >= lastWriteNanoseconds &+ EventStreamLimits.silenceNanoseconds {
            lastWriteNanoseconds = now
            write(framing.keepAlive())
        }
    }

    /// Ends the response well, and says why.
    private func finish(_ reason: String, _ now: UInt64) {
        let json = JSONWriter.object { json in
            json.member("type", "end")
            json.member("reason", reason)
        }
        write(framing.end(json: json, retryMilliseconds: Int.random(in: EventStreamLimits.retryMilliseconds)))
        flushNow()
        phase = .ending(by: now &+ EventStreamLimits.endingNanoseconds)
        loop.detach(self)
        output.finish()
    }
}

/// What a stream may do.
struct EventStreamLimits {
    /// Bytes that may wait for the client.
    let unwrittenBytes: Int
    /// When the client's token ends, on the clock that doesn't jump.
    let expiresAtNanoseconds: UInt64?
    /// Whether the gateway is draining.
    let isDraining: @Sendable () -> Bool
    /// Over how long the ends of responses are spread then.
    let drainNanoseconds: UInt64

    /// When the client of a response that was ended comes back.
    static let retryMilliseconds = 500...2_500
    /// After so long without an event an empty line is sent, so that nobody on the way takes the connection for dead.
    static let silenceNanoseconds: UInt64 = 20_000_000_000
    /// How long a client may take for the last line.
    static let endingNanoseconds: UInt64 = 5_000_000_000
}
