import NIOCore
import SluiceCore

@testable import FanOut

/// A subscriber in memory: what it was given, event by event, behind what is its own.
final class MemorySubscriber: Subscriber {
    let id = ConnectionID.random()
    var slot = -1
    let name: String
    var historyAsker: HistoryAsker { HistoryAsker(principal: nil, self) }
    /// What it writes in front of the events of a subscription.
    var prefixes: [SubscriptionID: String] = [:]
    /// Bytes that it may have unflushed; it is too slow beyond.
    var roomBytes = Int.max
    /// Whether pieces of history stay in its buffer until the test lets them leave.
    var holdsHistory = false
    /// Pieces that stay.
    var held: [EventLoopPromise<Void>] = []
    /// What has come, as `prefix|event`; replies as `reply …`.
    private(set) var lines: [String] = []
    private(set) var ends: [SubscriberEnd] = []
    private(set) var looks = 0
    private(set) var flushes = 0
    private var waitingBytes = 0
    private var leaving: [EventLoopPromise<Void>] = []
    private unowned let loop: SubscriberLoop

    init(_ name: String, on loop: SubscriberLoop) {
        self.name = name
        self.loop = loop
        loop.add(self)
    }

    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome {
        guard ends.isEmpty else { return .closed }
        guard waitingBytes + events.bytes.readableBytes <= roomBytes else { return .tooSlow }
        waitingBytes += events.bytes.readableBytes
        events.withEach { lines.append((prefixes[subscription] ?? "") + String(buffer: $0)) }
        loop.flushes.note(self)
        return .taken
    }

    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>) {
        guard ends.isEmpty else { return left.fail(ChannelError.ioOnClosedChannel) }
        events.withEach { lines.append((prefixes[subscription] ?? "") + String(buffer: $0)) }
        if holdsHistory { held.append(left) } else { leaving.append(left) }
        loop.flushes.note(self)
    }

    func flushNow() {
        flushes += 1
        if roomBytes == .max { waitingBytes = 0 }
        let left = leaving
        leaving = []
        for promise in left { promise.succeed() }
    }

    func end(_ reason: SubscriberEnd) {
        ends.append(reason)
        loop.detach(self)
    }

    func lookAtClock(now: UInt64) { looks += 1 }

    /// Notes a reply in its place among the events.
    func note(_ reply: String) { lines.append(reply) }

    /// What has come since the last call.
    func read() -> [String] {
        defer { lines = [] }
        return lines
    }
}
