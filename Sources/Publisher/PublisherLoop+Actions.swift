import ChangeQueue
import DeliveryLink
import Logging
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
                    actions +=
                        receipt.isFromAbsentGateway
                        ? undeliverable(receipt.deliveryID)
                        : batches.answer(deliveryID: receipt.deliveryID, taken: receipt.isTaken)
                }
            case .disconnected(_, let unacknowledged):
                for id in unacknowledged { actions += undeliverable(id) }
            }
        }
        perform(actions)
        return true
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
