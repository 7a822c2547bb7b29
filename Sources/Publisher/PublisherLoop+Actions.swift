import ChangeQueue
import DeliveryLink
import Logging
import NIOCore
import NIOPosix
import SluiceCore

/// What the links say, and what the workers decide.
extension PublisherLoop {
    /// Takes what the links have to say and retires what is answered: all receipts of a turn in one transaction.
    func readNotices() -> Bool {
        let notices = notices.removeAll()
        guard !notices.isEmpty else { return false }
        var actions: [BatchesInFlight.Action] = []
        for notice in notices {
            links.note(notice)
            switch notice {
            case .connected(let gateway): actions += batches.linkOpened(to: gateway)
            case .receipts(let gateway, let receipts):
                for receipt in receipts {
                    latency.answered(receipt, by: gateway)
                    actions += answered(receipt)
                }
            case .disconnected(_, let unacknowledged):
                for id in unacknowledged { actions += undeliverable(id) }
            }
        }
        perform(actions)
        return true
    }

    private func answered(_ receipt: Receipt) -> [BatchesInFlight.Action] {
        guard case .failed(let failure) = receipt.status else {
            return batches.answer(deliveryID: receipt.deliveryID, taken: true)
        }
        guard !receipt.isFromAbsentGateway else { return undeliverable(receipt.deliveryID) }
        return batches.refuse(
            deliveryID: receipt.deliveryID,
            reason: "\(failure)",
            nowNanoseconds: StageClock.wallNanoseconds()
        )
    }

    // MARK: - Actions

    func perform(_ actions: [BatchesInFlight.Action]) {
        var retired: [ReceiptHandle] = []
        var deliveries: [GatewayID: [Delivery]] = [:]
        var order: [GatewayID] = []
        for action in actions {
            switch action {
            case .retire(let handles): retired += handles
            case .retry(let handles, let delay): retry(handles, after: delay)
            case .giveUp(let records): giveUp(records)
            case .send(let gateway, let id, let entries, let receivedAt, let resolvedAt):
                if deliveries[gateway] == nil { order.append(gateway) }
                deliveries[gateway, default: []].append(
                    Delivery(id: id, entries: entries, receivedAt: receivedAt, resolvedAt: resolvedAt)
                )
            }
        }
        var notSent: [BatchesInFlight.Action] = []
        for gateway in order {
            let batch = deliveries[gateway] ?? []
            if links.send(batch, to: gateway) {
                latency.sent(batch)
            } else {
                for delivery in batch { notSent += undeliverable(delivery.id) }
            }
        }
        retire(retired)
        if !notSent.isEmpty { perform(notSent) }
    }

    /// There is no link for a delivery: it waits for one, unless this publisher is about to go.
    private func undeliverable(_ deliveryID: UInt64) -> [BatchesInFlight.Action] {
        stopBy == nil ? batches.park(deliveryID: deliveryID) : batches.answer(deliveryID: deliveryID, taken: false)
    }

    private func retire(_ handles: [ReceiptHandle]) {
        guard !handles.isEmpty else { return }
        do {
            try queue.retire(handles, nowNanoseconds: StageClock.wallNanoseconds())
            latency.countRetired(handles.count)
        } catch {
            // They stay leased and are delivered again when the visibility timeout is over; the gateways drop the repetition.
            logger.error("records can't be retired", metadata: ["count": "\(handles.count)", "error": "\(error)"])
            latency.failed()
        }
    }

    /// Records leave the queue when they are dead letters on disk; until then, and where that fails, they are this publisher's.
    private func giveUp(_ records: [(record: ReceivedRecord, reason: String)]) {
        guard let deadLetters else { return }
        let letters = records.map { one in
            DeadLetter(
                record: one.record.record,
                queue: queue.id,
                receiveCount: one.record.receiveCount,
                reason: one.reason
            )
        }
        deadLettersOnTheirWay += 1
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        // The commit waits for the disk, which the loop mustn't.
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try deadLetters.store(letters) }
            .assumeIsolated().whenComplete { result in loop.value.gaveUp(records, result) }
    }

    private func gaveUp(_ records: [(record: ReceivedRecord, reason: String)], _ result: Result<Void, any Error>) {
        deadLettersOnTheirWay -= 1
        let handles = records.map(\.record.handle)
        switch result {
        case .success:
            for (received, reason) in records {
                logger.warning(
                    "a record is a dead letter: its gateway refused it too often",
                    metadata: [
                        "sequence": "\(received.record.sequence)",
                        "topic": "\(received.record.topic.name.printable(limit: 120))", "reason": "\(reason)",
                        "receiveCount": "\(received.receiveCount)", "queue": "\(deadLetters?.queue.description ?? "")",
                    ]
                )
            }
            latency.countDeadLettered(records.count)
            retire(handles)
        case .failure(let error):
            logger.error(
                "records can't be put with the dead letters, they are tried again",
                metadata: ["count": "\(records.count)", "error": "\(error)"]
            )
            latency.failed()
            retry(handles, after: configuration.retryMaximum)
        }
        look()
    }

    private func retry(_ handles: [ReceiptHandle], after delay: Duration) {
        guard !handles.isEmpty else { return }
        do {
            try queue.retry(handles, after: delay, nowNanoseconds: StageClock.wallNanoseconds())
            latency.countRetried(handles.count)
        } catch {
            logger.error(
                "records can't be given back, the visibility timeout will",
                metadata: ["count": "\(handles.count)", "error": "\(error)"]
            )
            latency.failed()
        }
    }
}

extension Delivery {
    /// The delivery for a gateway: the encoded records as the log holds them, with the times that the publisher knows.
    fileprivate init(id: UInt64, entries: [ReceivedRecord], receivedAt: UInt64, resolvedAt: UInt64) {
        self.init(
            id: id,
            records: entries.map {
                DeliveredRecord(
                    encoded: $0.record.bytes,
                    receivedAtNanoseconds: receivedAt,
                    resolvedAtNanoseconds: resolvedAt
                )
            },
            sentAtNanoseconds: StageClock.nowNanoseconds()
        )
    }
}
