import ChangeQueue
import SluiceCore

/// The publisher's workers as a value: each carries one batch from fan-out to the last receipt.
///
/// A record is retired when every gateway that it was sent to has answered for it; where one couldn't, the record goes back to the queue for a
/// retry, and ``AnsweredGateways`` remembers who needn't get it again. While all workers are busy nothing is received, so that records gather in
/// the queue and the next batch is larger: that is the whole batching under load. Event in, actions out, time passed in.
struct WorkerPool {
    /// What the shell has to do.
    enum Action {
        /// Hand these records to a gateway's link as one delivery.
        case send(GatewayID, deliveryID: UInt64, entries: [ReceivedRecord], receivedAt: UInt64, resolvedAt: UInt64)
        /// Every gateway has answered: delete, or move the checkpoint.
        case retire([ReceiptHandle])
        /// Some gateway couldn't take it: give it back, to be received again after the delay.
        case retry([ReceiptHandle], after: Duration)
    }

    /// A delivery that waits for its receipt.
    private struct Outstanding {
        let worker: Int
        let gateway: GatewayID
        /// Positions in the worker's batch.
        let entries: [Int]
    }

    /// What a worker is doing.
    private struct Work {
        var entries: [Batch.Entry]
        /// Gateways that haven't answered, an entry.
        var waiting: [Int]
        var failed: [Bool]
        var deliveries: Int
    }

    private var workers: [Work?]
    private var idle: [Int]
    private var outstanding: [UInt64: Outstanding] = [:]
    private var nextDeliveryID: UInt64 = 1
    private var answered = AnsweredGateways()
    /// Each record alone, as SNS pushes it.
    private let pushesSingly: Bool
    private let backoff: RetryBackoff

    init(workers: Int, pushesSingly: Bool, backoff: RetryBackoff) {
        self.workers = Array(repeating: nil, count: max(1, workers))
        idle = Array((0..<max(1, workers)).reversed())
        self.pushesSingly = pushesSingly
        self.backoff = backoff
    }

    /// Whether a worker can take a batch.
    var hasIdleWorker: Bool { !idle.isEmpty }

    /// Whether nothing is on its way.
    var isIdle: Bool { idle.count == workers.count }

    /// Gateways that have answered for a record that waits for its retry.
    func hasAnswered(_ gateway: GatewayID, for sequence: SequenceNumber) -> Bool {
        answered.contains(gateway, for: sequence)
    }

    /// An idle worker takes the batch.
    ///
    /// Records without subscribers are retired at once.
    mutating func start(_ batch: Batch) -> [Action] {
        guard let worker = idle.popLast() else { return [.retry(batch.entries.map(\.received.handle), after: .zero)] }
        var actions: [Action] = []
        var work = Work(entries: batch.entries, waiting: batch.entries.map(\.gateways.count), failed: [], deliveries: 0)
        work.failed = Array(repeating: false, count: batch.entries.count)
        var perGateway: [GatewayID: [Int]] = [:]
        var order: [GatewayID] = []
        var withoutSubscribers: [ReceiptHandle] = []
        for (position, entry) in batch.entries.enumerated() {
            if entry.gateways.isEmpty {
                answered.forget(entry.received.record.sequence)
                withoutSubscribers.append(entry.received.handle)
            }
            for gateway in entry.gateways {
                if perGateway[gateway] == nil { order.append(gateway) }
                perGateway[gateway, default: []].append(position)
            }
        }
        if !withoutSubscribers.isEmpty { actions.append(.retire(withoutSubscribers)) }
        for gateway in order {
            let positions = perGateway[gateway] ?? []
            for group in pushesSingly ? positions.map({ [$0] }) : [positions] {
                let id = nextDeliveryID
                nextDeliveryID &+= 1
                outstanding[id] = Outstanding(worker: worker, gateway: gateway, entries: group)
                work.deliveries += 1
                let received =
                    group.count == batch.entries.count
                    ? batch.entries.map(\.received) : group.map { batch.entries[$0].received }
                actions.append(
                    .send(
                        gateway,
                        deliveryID: id,
                        entries: received,
                        receivedAt: batch.receivedAtNanoseconds,
                        resolvedAt: batch.resolvedAtNanoseconds
                    )
                )
            }
        }
        if work.deliveries == 0 {
            idle.append(worker)
        } else {
            workers[worker] = work
        }
        return actions
    }

    /// A gateway has answered for a delivery, or its link has given the delivery up.
    mutating func answer(deliveryID: UInt64, taken: Bool) -> [Action] {
        guard let delivery = outstanding.removeValue(forKey: deliveryID), var work = workers[delivery.worker] else {
            return []
        }
        // Out of the array while it is changed, so that its arrays aren't copied.
        workers[delivery.worker] = nil
        var retired: [ReceiptHandle] = []
        var failed: [Int: [ReceiptHandle]] = [:]
        for position in delivery.entries {
            let received = work.entries[position].received
            let hasOthers = work.entries[position].gateways.count > 1 || received.receiveCount > 1
            if taken {
                if hasOthers { answered.note(delivery.gateway, for: received.record.sequence) }
            } else {
                work.failed[position] = true
            }
            work.waiting[position] -= 1
            guard work.waiting[position] == 0 else { continue }
            if work.failed[position] {
                failed[received.receiveCount, default: []].append(received.handle)
            } else {
                if hasOthers { answered.forget(received.record.sequence) }
                retired.append(received.handle)
            }
        }
        work.deliveries -= 1
        if work.deliveries == 0 {
            idle.append(delivery.worker)
        } else {
            workers[delivery.worker] = work
        }
        var actions: [Action] = retired.isEmpty ? [] : [.retire(retired)]
        for (receiveCount, handles) in failed.sorted(by: { $0.key < $1.key }) {
            actions.append(.retry(handles, after: backoff.delay(afterAttempt: receiveCount)))
        }
        return actions
    }

    /// What is still on its way when a drain's time is over: it goes back to the queue.
    mutating func giveUp() -> [Action] {
        outstanding.keys.sorted().flatMap { answer(deliveryID: $0, taken: false) }
    }
}
