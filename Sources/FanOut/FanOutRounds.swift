import NIOCore
import SluiceCore

/// The fan-out of new records on one event loop: each topic's go round its subscriptions in a ``TopicSweep``, which leaves them in one piece at each.
package final class FanOutRounds {
    let parts: LoopParts
    private let catchUps: CatchUps
    var sweeps = LoopSweeps()
    var areSweepsPlanned = false

    var services: FanOutServices { parts.services }
    var members: LoopMembers { parts.members }

    init(_ parts: LoopParts, _ catchUps: CatchUps) {
        self.parts = parts
        self.catchUps = catchUps
    }

    /// Topics whose records are on their way.
    var count: Int { sweeps.count }

    /// Takes the deliveries of one read; `finished` is called when their last socket is written.
    package func deliver(_ deliveries: [FanOutDelivery], finished: @escaping (LoopTallies) -> Void) {
        let group = DeliveryGroup(deliveries: deliveries.count, finished: finished)
        for (position, delivery) in deliveries.enumerated() {
            let part = DeliveryGroup.Part(group: group, delivery: position)
            for record in delivery.records { gather(record.record, part) }
        }
        runSweeps(closing: group)
    }

    /// Brings every subscription up to its topic's head from the log, as after a hole that is too large to fill.
    func catchUpEverything() {
        for (topic, feed) in members.index.feedsByTopic {
            // Where the head can't be read now, the topic's next record reveals the hole.
            guard let head = try? services.head(topic) else { continue }
            leaveToSubscribers(feed, upTo: head)
        }
    }

    // MARK: - The chain

    private func gather(_ record: ChangeRecord, _ part: DeliveryGroup.Part) {
        switch members.index.arrival(record.topic, record.sequence, previous: record.previous) {
        case .unwanted: break
        case .repetition: services.measures.recordsRepeated(1)
        case .next(let feed): add(record, part, feed)
        case .hole(let feed, let position):
            if let missing = missing(before: record, after: position) {
                services.measures.recordsFilled(missing.count)
                for missed in missing { add(missed, nil, feed) }
                members.index.move(feed, to: record.sequence)
                add(record, part, feed)
            } else {
                leaveToSubscribers(feed, upTo: record.sequence)
            }
        }
    }

    /// The records of a hole, read on this loop since they are few and still in memory; nil when they are too many or can't be read.
    private func missing(before record: ChangeRecord, after position: SequenceNumber) -> [ChangeRecord]? {
        do {
            return try services.history.fill(
                before: record.previous,
                after: position,
                maximumRecords: services.limits.holeRecords,
                maximumBytes: services.limits.holeBytes
            )
        } catch {
            // Catching up reads the same log and ends the subscribers if it can't: nothing is lost in silence.
            return nil
        }
    }

    private func add(_ record: ChangeRecord, _ part: DeliveryGroup.Part?, _ feed: Int) {
        guard let shape = members.index.shape(of: feed) else { return }
        part?.group.began()
        let place: Int
        if let running = members.index.sweep(of: feed) {
            place = running
        } else {
            place = sweeps.begin(
                feed: feed,
                shape: shape,
                formats: services.formats,
                nowNanoseconds: services.now()
            )
            members.index.setSweep(place, of: feed)
        }
        sweeps.add(record, part, to: place)
    }

    /// A hole that is too large for the loop: what is on its way goes out, then each subscriber catches up from the log.
    private func leaveToSubscribers(_ feed: Int, upTo sequence: SequenceNumber) {
        if let running = members.index.sweep(of: feed) {
            var over: [DeliveryGroup] = []
            sweeps.callUp(running)
            _ = sweep(running, maximumVisits: .max, mayBypass: true, &over)
            parts.flushes.flush()
            finish(over)
        }
        let held = members.index.holdAll(of: feed)
        members.index.move(feed, to: sequence)
        for subscription in held {
            guard let subscriber = members.table[subscription.subscriber] else { continue }
            catchUps.begin(
                CatchUp(
                    subscriber: subscriber.key,
                    topic: subscription.topic,
                    ticket: subscription.ticket,
                    wish: subscription.wish,
                    sent: subscription.sent
                )
            )
        }
    }
}
