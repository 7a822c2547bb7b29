import NIOCore
import SluiceCore

/// Performs the sweeps of one event loop, some visits at a time, so that a fan-out to many doesn't keep everything else
/// on the loop waiting.
extension FanOutRounds {
    /// Long enough for the loop to look at its sockets in between, and no longer.
    private static let pause = TimeAmount.microseconds(5)

    /// Does one turn's visits; what is left goes on after the loop has looked at its other work.
    ///
    /// `closing`: a group that is complete.
    func runSweeps(closing group: DeliveryGroup? = nil) {
        var over: [DeliveryGroup] = []
        var visitsLeft = services.limits.visitsPerTurn
        // With one sweep nothing is written twice to a connection: no frame has to wait for others.
        let isOnly = sweeps.count == 1
        while visitsLeft > 0, let place = sweeps.next() {
            visitsLeft -= sweep(place, maximumVisits: visitsLeft, mayBypass: isOnly, &over)
        }
        parts.flushes.flush()
        if let group, group.ended() { over.append(group) }
        finish(over)
        planSweeps()
    }

    /// Tells of groups that are done.
    func finish(_ groups: [DeliveryGroup]) { for group in groups { group.finish() } }

    private func planSweeps() {
        guard sweeps.count > 0, !areSweepsPlanned else { return }
        areSweepsPlanned = true
        // Not `execute`: the loop runs what its tasks plan before it looks at its sockets again.
        parts.eventLoop.assumeIsolated().scheduleTask(in: FanOutRounds.pause) {
            self.areSweepsPlanned = false
            self.runSweeps()
        }
    }

    private func restSweep(_ place: Int, for nanoseconds: UInt64) {
        sweeps.rest(place)
        parts.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(clamping: nanoseconds))) {
            self.sweeps.wake(place)
            self.runSweeps()
        }
    }

    /// Takes a sweep further; `mayBypass`: past the channels, also of connections with several topics.
    /// - Returns: how many subscriptions it has visited.
    func sweep(
        _ place: Int,
        maximumVisits: Int,
        mayBypass: Bool,
        _ over: inout [DeliveryGroup]
    ) -> Int {
        guard var sweep = sweeps.checkOut(place) else { return 0 }
        var visits = 0
        var events = 0
        sweep.follow(members.index.follow(sweep.feed, number: sweep.feedNumber))
        note(sweep.removeDone(), &over)
        var rest: UInt64 = 0
        while !sweep.isIdle, visits < maximumVisits, rest == 0 {
            let before = sweep.position
            let stuck = visitDirectly(&sweep, maximumVisits - visits, mayBypass, &events)
            visits += sweep.position - before
            let removals = stuck.flatMap { visit(&sweep, sent: $0, &events) }
            if stuck != nil { visits += 1 }
            let current = members.index.follow(sweep.feed, number: sweep.feedNumber)
            // Where the visited one took itself out, another has its place.
            if let removals, current?.removals == removals { sweep.advance() }
            sweep.follow(current)
            note(sweep.removeDone(), &over)
            if maximumVisits < .max, sweep.mayRest { rest = sweep.rest(nowNanoseconds: services.now()) }
        }
        services.measures.eventsWritten(events)
        let isOver = sweep.isIdle
        let feed = sweep.feed
        if isOver, members.index.sweep(of: feed) == place { members.index.setSweep(nil, of: feed) }
        sweeps.checkIn(sweep, at: place)
        if isOver {
            sweeps.end(place)
        } else if rest > 0 {
            restSweep(place, for: rest)
        } else {
            sweeps.queueAgain(place)
        }
        return visits
    }

    /// Visits subscriptions whose frames go straight to the socket, until one isn't of that kind.
    /// - Returns: how many bytes the socket of that one took already; nil when the run is over.
    private func visitDirectly(
        _ sweep: inout TopicSweep,
        _ maximumVisits: Int,
        _ mayBypass: Bool,
        _ events: inout Int
    ) -> Int? {
        let sockets = members.table.sockets
        let last = sweep.last
        let recordCount = sweep.sequences.count
        var stuck: Int?
        members.index.withSubscriptions(of: sweep.feed) { subscriptions in
            let end = sweep.position + min(maximumVisits, sweep.run(of: subscriptions.count))
            while sweep.position < end {
                let subscription = subscriptions[sweep.position]
                if subscription.startAfter < last {
                    let socket = sockets[Int(subscription.subscriber)]
                    guard socket.isUsable, subscription.isShared, mayBypass || subscription.isOnlyOne else {
                        stuck = 0
                        return
                    }
                    let first = sweep.firstRecord(after: subscription.startAfter)
                    let (sent, isWhole) =
                        sweep.frames.withBytes(subscription.format, from: first) { bytes in
                            let sent = socket.send(bytes)
                            return (sent, sent == bytes.count)
                        }
                    guard isWhole else {
                        stuck = sent
                        return
                    }
                    subscriptions[sweep.position].start(after: last)
                    sweep.noteWritten(from: first)
                    events += recordCount - first
                }
                sweep.advance()
            }
        }
        return stuck
    }

    /// Visits the next subscription by way of its own buffer; `sent` bytes have gone before.
    /// - Returns: how often subscriptions had changed places before; nil when there was nothing to visit.
    private func visit(_ sweep: inout TopicSweep, sent: Int, _ written: inout Int) -> UInt32? {
        // Noted as sent before the write: a connection that breaks with it takes itself out of the list.
        guard let (subscription, removals) = members.index.visit(sweep.position, of: sweep.feed, upTo: sweep.last),
            let subscriber = members.table[Int(subscription.subscriber)]
        else {
            sweep.advance()
            return nil
        }
        let first = sweep.firstRecord(after: subscription.startAfter)
        var events = sweep.frames.events(subscription.format, from: first)
        if sent > 0 { events = events.dropFirst(sent) }
        switch subscriber.deliver(events, for: subscription.id) {
        case .taken:
            sweep.noteWritten(from: first)
            written += sweep.sequences.count - first
        case .closed: break
        case .tooSlow:
            for case let part? in sweep.deliveries[first...]
            where part.group.tallies[part.delivery].slow.last != subscriber.id {
                part.group.tallies[part.delivery].slow.append(subscriber.id)
            }
            subscriber.end(.slowConsumer)
        }
        return removals
    }

    /// Counts what is done, and finds the groups of which nothing is left.
    private func note(_ done: [TopicSweep.Done], _ over: inout [DeliveryGroup]) {
        guard !done.isEmpty else { return }
        let now = services.now()
        for record in done {
            guard let part = record.delivery else { continue }
            part.group.tallies[part.delivery].sockets += record.sockets
            if record.sockets > 0 { part.group.writtenAtNanoseconds = now }
            if part.group.ended() { over.append(part.group) }
        }
    }
}
