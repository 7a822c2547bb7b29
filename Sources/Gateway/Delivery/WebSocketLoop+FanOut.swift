import NIOCore
import SluiceCore

/// The fan-out on one event loop: all that one read of the link brought is gathered by topic, encoded once, and written
/// to each subscriber in one piece; then every connection that was written to is flushed once.
extension WebSocketLoop {
    /// Takes the deliveries of one read.
    func deliver(_ deliveries: [DecodedDelivery]) -> LoopTallies {
        var turn = FanOutTurn(deliveries: deliveries.count)
        for (position, delivery) in deliveries.enumerated() {
            if let listed = delivery.connections {
                deliver(delivery, to: listed, position, &turn)
            } else {
                for record in delivery.records { gather(record.record, position, &turn) }
            }
        }
        for batch in turn.batches { write(batch, &turn) }
        flushDirty()
        services.counters.eventsWritten(turn.events)
        services.counters.recordsRepeated(turn.repetitions)
        services.counters.recordsFilled(turn.filled)
        return LoopTallies(tallies: turn.tallies, writtenAtNanoseconds: turn.events > 0 ? services.now() : 0)
    }

    /// Brings every subscription up to its topic's head from the log, as after a hole that is too large to fill.
    ///
    /// For a gateway that publishers had taken for dead: they may have retired records without it.
    func catchUpEverything() {
        var turn = FanOutTurn(deliveries: 0)
        for (topic, feed) in index.feedsByTopic {
            // Where the head can't be read now, the topic's next record reveals the hole.
            guard let head = try? services.head(topic) else { continue }
            leaveToSubscribers(feed, upTo: head, &turn)
        }
        flushDirty()
    }

    // MARK: - The chain

    private func gather(_ record: ChangeRecord, _ delivery: Int, _ turn: inout FanOutTurn) {
        switch index.arrival(record.topic, record.sequence, previous: record.previous) {
        case .unwanted: break
        case .repetition: turn.repetitions += 1
        case .next(let feed): add(.init(record: record, delivery: delivery), feed, &turn)
        case .hole(let feed, let position):
            if let missing = missing(before: record, after: position) {
                turn.filled += missing.count
                for missed in missing { add(.init(record: missed, delivery: nil), feed, &turn) }
                index.move(feed, to: record.sequence)
                add(.init(record: record, delivery: delivery), feed, &turn)
            } else {
                leaveToSubscribers(feed, upTo: record.sequence, &turn)
            }
        }
    }

    /// The records of a hole, read on this loop since they are few and still in memory; nil when they are too many or
    /// can't be read.
    private func missing(before record: ChangeRecord, after position: SequenceNumber) -> [ChangeRecord]? {
        do {
            return try services.history.fill(
                record.topic,
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

    private func add(_ item: TopicBatch.Item, _ feed: Int, _ turn: inout FanOutTurn) {
        if let batch = index.batch(of: feed) {
            turn.batches[batch].items.append(item)
        } else {
            index.setBatch(turn.batches.count, of: feed)
            turn.batches.append(TopicBatch(feed: feed, items: [item]))
        }
    }

    /// A hole that is too large for the loop: what has been gathered goes out, then each subscriber catches up from the
    /// log.
    private func leaveToSubscribers(_ feed: Int, upTo sequence: SequenceNumber, _ turn: inout FanOutTurn) {
        let gathered = index.batch(of: feed)
        if let gathered {
            write(turn.batches[gathered], &turn)
            turn.batches[gathered].items = []
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

    // MARK: - Writing

    private func write(_ batch: TopicBatch, _ turn: inout FanOutTurn) {
        guard let first = batch.items.first?.record.sequence, let last = batch.items.last?.record.sequence else {
            return
        }
        index.setBatch(nil, of: batch.feed)
        var frames = BatchFrames(batch)
        var whole: UInt32 = 0
        // With one batch nothing is written twice to a connection: no frame has to wait for others.
        let isOnly = turn.batches.count == 1
        // Copies: a connection that turns out to be closed takes itself out of the lists.
        let sockets = connections.sockets
        for subscription in index.subscriptions(of: batch.feed) where subscription.startAfter < last {
            let slot = Int(subscription.connection)
            let start =
                subscription.startAfter < first
                ? 0 : batch.items.count { $0.record.sequence <= subscription.startAfter }
            var rest = frames.buffer(subscription.encoding, from: start)
            if sockets[slot].isUsable, isOnly || index.count(of: slot) == 1 {
                rest.moveReaderIndex(forwardBy: rest.withUnsafeReadableBytes(sockets[slot].send))
                guard rest.readableBytes > 0 else {
                    if start == 0 { whole += 1 } else { turn.count(1, batch.items[start...]) }
                    continue
                }
            }
            guard let handler = connections[slot] else { continue }
            switch handler.deliver(rest) {
            case .taken where start == 0: whole += 1
            case .taken: turn.count(1, batch.items[start...])
            case .closed: break
            case .tooSlow:
                turn.noteSlow(handler.id, batch.items)
                handler.close(.slowConsumer)
            }
        }
        turn.count(whole, batch.items[...])
    }

    private func deliver(
        _ delivery: DecodedDelivery,
        to listed: [ConnectionID],
        _ position: Int,
        _ turn: inout FanOutTurn
    ) {
        let here = listed.compactMap { connections[$0] }
        guard !here.isEmpty else { return }
        var frames = EventFrames(encoding: .base64)
        for record in delivery.records { frames.append(record.record) }
        let buffer = frames.buffer(from: 0)
        for handler in here {
            turn.tallies[position].found.append(handler.id)
            switch handler.deliver(buffer) {
            case .taken:
                turn.tallies[position].sockets += UInt32(truncatingIfNeeded: delivery.records.count)
                turn.events += delivery.records.count
            case .closed: break
            case .tooSlow:
                turn.tallies[position].slow.append(handler.id)
                handler.close(.slowConsumer)
            }
        }
    }
}
