import SluiceCore
import Synchronization

/// Messages that other processes send, another gateway or a command: noticed by the log's count of commits while anybody waits, and by no work at all
/// while nobody does.
final class OtherProcesses: Sendable {
    /// How often the count is looked at, a read of shared memory.
    private static let lookNanoseconds: UInt64 = 20_000_000
    /// A receive asks for the watch before it waits, and between two waits it looks.
    private static let maximumIdleLooks = 50

    private struct State {
        var isWatching = false
        /// Looks in a row at which nobody waited.
        var idleLooks = 0
        /// The newest ordinal of a queue that waiters know of.
        var known: [UInt32: UInt64] = [:]
    }

    private let state = Mutex(State())

    /// This process has sent messages itself, and has told who waits for them.
    func noteOwn(_ queue: UInt32, through ordinal: UInt64) {
        state.withLock { state in
            if let known = state.known[queue] { state.known[queue] = max(known, ordinal) }
        }
    }

    /// Watches until nobody waits any more, unless it does already.
    func watch(_ store: any MessageQueueStore, for waiters: MessageWaiters) {
        let begins = state.withLock { state in
            defer { state.isWatching = true }
            return !state.isWatching
        }
        guard begins else { return }
        // Outlives the receive that began it; it ends by itself when nobody waits.
        Task {
            var commits: UInt64?
            while let waiting = self.waiting(waiters) {
                let now = store.commitCount
                if now != commits, !waiting.isEmpty {
                    commits = now
                    for (queue, count) in self.sent(to: waiting, store) { waiters.signal(queue, count) }
                }
                try? await Task.sleep(for: .nanoseconds(OtherProcesses.lookNanoseconds))
            }
        }
    }

    /// The queues that somebody waits for; nil, and then the watch is over, when nobody does.
    private func waiting(_ waiters: MessageWaiters) -> [UInt32]? {
        state.withLock { state in
            let waiting = waiters.queues
            state.idleLooks = waiting.isEmpty ? state.idleLooks + 1 : 0
            guard state.idleLooks > OtherProcesses.maximumIdleLooks else { return waiting }
            state = State()
            return nil
        }
    }

    /// What was sent since the last look, a queue; of a queue that is new here, something.
    private func sent(to queues: [UInt32], _ store: any MessageQueueStore) -> [(queue: UInt32, count: Int)] {
        // A read that fails is tried with the next commit; who waits looks again by itself, too.
        guard let last = try? store.lastOrdinals(of: queues) else { return [] }
        return state.withLock { state in
            zip(queues, last).compactMap { queue, last in
                defer { state.known[queue] = last }
                guard let known = state.known[queue] else { return (queue, 1) }
                return last > known ? (queue, Int(clamping: last - known)) : nil
            }
        }
    }
}
