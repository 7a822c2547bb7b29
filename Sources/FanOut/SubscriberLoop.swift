package import NIOCore
package import SluiceCore

/// The fan-out of one event loop: who is subscribed to what, and everything that happens to them.
///
/// Bound to the loop; other threads reach it through its ``LoopInbox``. It decides nothing about order itself: ``TopicIndex``, ``TopicSweep``,
/// ``PendingSubscribe`` and ``CatchUp`` are values, asked by the three that perform what they answer.
package final class SubscriberLoop {
    /// Its event loop.
    package let eventLoop: any EventLoop
    /// Who has something to flush.
    package let flushes: FlushBatch
    /// From a subscribe to its reply.
    package let barrier: SubscribeBarrier
    /// New records on their way round.
    package let rounds: FanOutRounds
    let members: LoopMembers
    private let catchUps: CatchUps
    private let services: FanOutServices
    private let inbox: LoopInbox
    private var departures = Departures()
    private var areDeparturesPlanned = false
    private var tick: Scheduled<Void>?
    private var countedSubscriptions = 0
    private var tickInterval = SubscriberLoop.usualTick

    /// Time between two looks at the clock: keep-alive is judged with this precision.
    private static let usualTick = TimeAmount.milliseconds(500)
    /// Long enough for the loop to look at its sockets between two steps.
    private static let departurePause = TimeAmount.microseconds(5)
    /// The same while the process drains, so that the closes spread evenly.
    private static let drainTick = TimeAmount.milliseconds(20)

    /// Makes a loop's fan-out; ``start()`` begins its work.
    package init(eventLoop: any EventLoop, services: FanOutServices) {
        self.eventLoop = eventLoop
        self.services = services
        members = LoopMembers()
        flushes = FlushBatch(eventLoop: eventLoop)
        inbox = LoopInbox(eventLoop: eventLoop)
        let shared = LoopParts(
            eventLoop: eventLoop,
            services: services,
            members: members,
            flushes: flushes,
            inbox: inbox
        )
        catchUps = CatchUps(shared)
        barrier = SubscribeBarrier(shared, catchUps)
        rounds = FanOutRounds(shared, catchUps)
    }

    /// Begins its work; the first thing that is called on the loop.
    package func start() {
        inbox.connect { [unowned self] messages in
            for message in messages { perform(message) }
            flushes.flush()
        }
        planTick()
    }

    private func perform(_ message: LoopMessage) {
        switch message {
        case .registered(let token, let result): barrier.registered(token, result)
        case .walked(let token, let result): barrier.walked(token, result)
        case .walkDropped(let token): barrier.dropped(token)
        case .caughtUp(let token, let head, let result): catchUps.walked(token, head, result)
        case .piece(let token, let result): catchUps.send(token, result)
        case .catchUpDropped(let token): catchUps.dropped(token)
        }
    }

    // MARK: - Subscribers

    /// How many subscribers there are.
    package var count: Int { members.table.count }

    /// What is under way, for who watches.
    package var underWay: (topics: Int, sweeps: Int, subscribes: Int, catchUps: Int) {
        (members.index.topicCount, rounds.count, barrier.count, catchUps.count)
    }

    /// Takes a subscriber in and gives it its place.
    package func add(_ subscriber: any Subscriber) { subscriber.slot = members.table.add(subscriber) }

    /// A subscriber is gone, with everything that it had.
    /// - Returns: false when it was gone already.
    package func remove(_ subscriber: any Subscriber) -> Bool {
        guard members.table[subscriber.key] === subscriber else { return false }
        members.table.remove(subscriber.slot)
        departures.add(subscriber.slot)
        if !areDeparturesPlanned { takeOutDeparted() }
        // The place is another's soon: what comes late for this one must not meet that one.
        subscriber.slot = -1
        services.forget(subscriber.historyAsker)
        return true
    }

    /// Does one step, and lets nobody do another before the loop has looked at its sockets.
    private func takeOutDeparted() {
        departures.step(members)
        areDeparturesPlanned = true
        // Not `execute`: the loop runs what its tasks plan before it looks at its sockets again.
        eventLoop.assumeIsolated().scheduleTask(in: SubscriberLoop.departurePause) {
            self.areDeparturesPlanned = false
            if !self.departures.isEmpty { self.takeOutDeparted() }
        }
    }

    /// A subscriber closes: it gets no more events, though its place stays until it is removed.
    package func detach(_ subscriber: any Subscriber) {
        members.index.removeAll(of: subscriber.slot)
        services.forget(subscriber.historyAsker)
        members.table.setSocket(.none, of: subscriber.slot)
    }

    /// The subscriber that a key names, if its place isn't another's by now.
    package subscript(key: SubscriberKey) -> (any Subscriber)? { members.table[key] }

    /// Says where a subscriber's events may go to directly; `none` while something waits in its channel.
    package func setSocket(_ socket: DirectSocket, of subscriber: any Subscriber) {
        members.table.setSocket(socket, of: subscriber.slot)
    }

    /// Something waits in a subscriber's channel: it is flushed at the end of the turn, and until then nothing may overtake it on the direct way.
    package func noteWritten(to subscriber: any Subscriber) {
        members.table.setSocket(.none, of: subscriber.slot)
        flushes.note(subscriber)
    }

    /// The topics that a subscriber has.
    package func topics(of subscriber: any Subscriber) -> [Topic] { members.index.topics(of: subscriber.slot) }

    /// A subscriber's rights have changed: what it may not have any more goes.
    /// - Returns: the topics that it was subscribed to and isn't any more.
    package func keep(of subscriber: any Subscriber, where isAllowed: (Topic) -> Bool) -> [Topic] {
        let gone = topics(of: subscriber).filter { !isAllowed($0) }
        barrier.unsubscribe(gone, for: subscriber)
        return gone
    }

    /// Brings every subscription up to its topic's head from the log: records may have been retired without this process.
    package func catchUpEverything() {
        rounds.catchUpEverything()
        flushes.flush()
    }

    // MARK: - The clock

    /// From now on the clock is looked at often.
    package func drain() {
        guard tickInterval != SubscriberLoop.drainTick else { return }
        tickInterval = SubscriberLoop.drainTick
        tick?.cancel()
        planTick()
    }

    /// Lets every subscriber look at the clock.
    package func tickNow() {
        let now = services.now()
        for subscriber in members.table.all { subscriber.lookAtClock(now: now) }
        flushes.flush()
        let count = members.index.subscriptionCount
        if count != countedSubscriptions { services.measures.subscriptionsChanged(by: count - countedSubscriptions) }
        countedSubscriptions = count
    }

    private func planTick() {
        tick = eventLoop.assumeIsolated().scheduleTask(in: tickInterval) {
            self.tickNow()
            self.planTick()
        }
    }
}

/// Who is subscribed to what on one event loop.
final class LoopMembers {
    var table = SubscriberTable()
    var index = TopicIndex()
}

/// What the parts of one loop's fan-out share.
struct LoopParts {
    let eventLoop: any EventLoop
    let services: FanOutServices
    let members: LoopMembers
    let flushes: FlushBatch
    let inbox: LoopInbox
}
