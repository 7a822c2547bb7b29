import NIOCore
import SluiceCore
import Synchronization

/// The way into an event loop for what other threads have done for its subscribers: what comes before the loop gets to it costs one wake-up.
final class LoopInbox: Sendable {
    // One lock a message, taken on the threads of the registry and the log's readers; never on the way of a record.
    private let messages = Mutex<[LoopMessage]>([])
    private let eventLoop: any EventLoop
    private let receiver: NIOLoopBoundBox<([LoopMessage]) -> Void>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        receiver = NIOLoopBoundBox.makeBoxSendingValue({ _ in }, eventLoop: eventLoop)
    }

    /// Names the receiver.
    ///
    /// On the loop.
    func connect(_ receive: @escaping ([LoopMessage]) -> Void) { receiver.value = receive }

    /// Hands a message over, from any thread.
    func post(_ message: LoopMessage) {
        let isFirst = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if isFirst { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let posted = messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
        receiver.value(posted)
    }
}

/// What other threads hand to an event loop's fan-out; the token says what it belongs to.
enum LoopMessage: Sendable {
    /// The registry has committed a subscribe, or not.
    case registered(token: UInt64, Result<Void, any Error>)
    /// The walks that a subscribe waits for have come a slice further.
    case walked(token: UInt64, Result<[HistoryWalk], any Error>)
    /// Those walks won't be done: the subscriber is gone, or the process stops.
    case walkDropped(token: UInt64)
    /// The walk of one catch-up from `head` has come a slice further.
    case caughtUp(token: UInt64, head: SequenceNumber, Result<ChainWalk, any Error>)
    /// A piece of history is ready to be sent.
    case piece(token: UInt64, Result<HistoryPiece, any Error>)
    /// A catch-up's history won't be read.
    case catchUpDropped(token: UInt64)
}
