import NIOCore
import SluiceCore

/// The fan-out on one event loop: each topic's new records go round its subscriptions in a ``TopicSweep``, which leaves
/// them in one piece at each.
extension WebSocketLoop {
    /// Takes the deliveries of one read; `finished` is called when their last socket is written.
    func deliver(_ deliveries: [DecodedDelivery], finished: @escaping (LoopTallies) -> Void) {
        let group = DeliveryGroup(deliveries: deliveries.count, finished: finished)
        for (position, delivery) in deliveries.enumerated() {
            let part = DeliveryGroup.Part(group: group, delivery: position)
            if let listed = delivery.connections {
                deliver(delivery, to: listed, part)
            } else {
                for record in delivery.records { gather(record.record, part) }
            }
        }
        runSweeps(closing: group)
    }

    /// Brings every subscription up to its topic's head from the log, as after a hole that is too large to fill.
    ///
    /// For a gateway that publishers had taken for dead: they may have retired records without it.
    func catchUpEverything() {
        for (topic, feed) in index.feedsByTopic {
            // Where the head can't be read now, the topic's next record reveals the hole.
            guard let head = try? services.head(topic) else { continue }
            leaveToSubscribers(feed, upTo: head)
        }
        flushDirty()
    }

    // MARK: - The chain

    private func gather(_ record: ChangeRecord, _ part: DeliveryGroup.Part) {
        switch index.arrival(record.topic, record.sequence, previous: record.previous) {
        case .unwanted: break
        case .repetition: services.counters.recordsRepeated(1)
        case .next(let feed): add(record, part, feed)
        case .hole(let feed, let position):
            if let missing = missing(before: record, after: position) {
                services.counters.recordsFilled(missing.count)
                for missed in missing { add(missed, nil, feed) }
                index.move(feed, to: record.sequence)
                add(record, part, feed)
            } else {
                leaveToSubscribers(feed, upTo: record.sequence)
            }
        }
    }

    /// The records of a hole, read on this loop since they are few and still in memory; nil when they are too many or
    /// can't be read.
    private func missing(before record: ChangeRecord, after position: SequenceNumber) -> [ChangeRecord]? {
        do {
            return try services.history.fill(
                before: record.previous,
                after: position,
                maximumRecords: services.configuration.holeRecords,
                maximumBytes: services.configuration.holeBytes
            )
        } catch {
            // Catching up reads the same log and closes the connections if it can't: nothing is lost in silence.
            return nil
        }
    }

    private func add(_ record: ChangeRecord, _ part: DeliveryGroup.Part?, _ feed: Int) {
        guard let shape = index.shape(of: feed) else { return }
        part?.group.began()
        let place: Int
        if let running = index.sweep(of: feed) {
            place = running
        } else {
            place = sweeps.begin(feed: feed, shape: shape, nowNanoseconds: services.now())
            index.setSweep(place, of: feed)
        }
        sweeps.add(record, part, to: place)
    }

    /// A hole that is too large for the loop: what is on its way goes out, then each subscriber catches up from the log.
    private func leaveToSubscribers(_ feed: Int, upTo sequence: SequenceNumber) {
        if let running = index.sweep(of: feed) {
            var over: [DeliveryGroup] = []
            sweeps.callUp(running)
            _ = sweep(running, maximumVisits: .max, mayBypass: true, &over)
            flushDirty()
            finish(over)
        }
        let held = index.holdAll(of: feed)
        index.move(feed, to: sequence)
        for subscription in held {
            guard let handler = connections[subscription.connection] else { continue }
            let catchUp = CatchUp(
                connection: handler.key,
                topic: subscription.topic,
                ticket: subscription.ticket,
                encoding: subscription.encoding,
                sent: subscription.sent
            )
            goOn(makeToken(), catchUp)
        }
    }

    // MARK: - Writing to listed connections

    private func deliver(_ delivery: DecodedDelivery, to listed: [ConnectionID], _ part: DeliveryGroup.Part) {
        let here = listed.compactMap { connections[$0] }
        guard !here.isEmpty else { return }
        var frames = EventFrames(encoding: .base64)
        for record in delivery.records { frames.append(record.record) }
        let buffer = frames.buffer(from: 0)
        let group = part.group
        for handler in here {
            group.tallies[part.delivery].found.append(handler.id)
            switch handler.deliver(buffer) {
            case .taken:
                group.tallies[part.delivery].sockets += UInt32(truncatingIfNeeded: delivery.records.count)
                group.writtenAtNanoseconds = services.now()
                services.counters.eventsWritten(delivery.records.count)
            case .closed: break
            case .tooSlow:
                group.tallies[part.delivery].slow.append(handler.id)
                handler.close(.slowConsumer)
            }
        }
    }
}
