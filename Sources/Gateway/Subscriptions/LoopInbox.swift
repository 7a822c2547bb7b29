import NIOCore
import Synchronization

/// The way into an event loop for what other threads have done for its connections: what comes before the loop gets to
/// it costs one wake-up.
final class LoopInbox: Sendable {
    // One lock a message, taken on the threads of the registry, the log's readers and the authorizer; never on the way of a record.
    private let messages = Mutex<[LoopMessage]>([])
    private let eventLoop: any EventLoop
    private let receiver: NIOLoopBoundBox<WebSocketLoop?>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        receiver = NIOLoopBoundBox.makeEmptyBox(eventLoop: eventLoop)
    }

    /// Names the receiver.
    ///
    /// On the loop.
    func connect(_ loop: WebSocketLoop) { receiver.value = loop }

    /// Hands a message over, from any thread.
    func post(_ message: LoopMessage) {
        let isFirst = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if isFirst { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let taken = messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
        receiver.value?.take(taken)
    }
}
