import QueueEngine
import Queues

/// One receive, while its two transactions are open.
struct ReceiveRun {
    let queue: MessageQueue
    let request: ReceiveRequest
    let rules: StandardReceive
    var head: ReceiveState.Head
    var outcome = ReceiveOutcome()

    init(queue: MessageQueue, request: ReceiveRequest, head: ReceiveState.Head) {
        self.queue = queue
        self.request = request
        self.head = head
        rules = StandardReceive(
            queue.attributes,
            receive: head.nextReceive,
            visibilitySeconds: request.visibilitySeconds,
            nowNanoseconds: request.nowNanoseconds
        )
    }

    var isFull: Bool { outcome.received.count >= request.maximum }

    /// Notes what becomes of a message.
    /// - Returns: the verdict, nil for one that can't be read, and what is to be kept of it.
    mutating func judge(
        _ ordinal: UInt64,
        _ decoded: Result<QueueMessage, QueueError>,
        _ entry: ReceiveEntry?
    ) -> (verdict: StandardReceive.Verdict?, kept: ReceiveEntry) {
        let message: QueueMessage
        switch decoded {
        case .success(let found): message = found
        case .failure(let error):
            outcome.damaged.append((ordinal, error))
            return (nil, rules.setAside(entry))
        }
        let verdict =
            entry.map { rules.judge($0, sentAtNanoseconds: message.sentAtNanoseconds) }
            ?? rules.judgeFresh(
                sentAtNanoseconds: message.sentAtNanoseconds,
                visibleAtNanoseconds: message.visibleAtNanoseconds
            )
        switch verdict {
        case .receive(let kept):
            let handle = MessageHandle(queue: queue.number, ordinal: ordinal, receive: kept.receive)
            outcome.received.append(ReceivedMessage(message: message, handle: handle, entry: kept))
            return (verdict, kept)
        case .deadLetter(let kept):
            outcome.deadLetters.append(ordinal)
            return (verdict, kept)
        case .wait(let kept):
            outcome.nextVisibleAtNanoseconds = min(outcome.nextVisibleAtNanoseconds ?? .max, kept.visibleAtNanoseconds)
            return (verdict, kept)
        case .expired:
            outcome.expired.append(ordinal)
            return (verdict, rules.setAside(entry))
        }
    }
}
