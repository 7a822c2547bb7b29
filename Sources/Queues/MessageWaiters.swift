import SluiceCore
import Synchronization

/// Receives that wait for a message: woken by whoever sends one, not by looking again.
final class MessageWaiters: Sendable {
    private struct State {
        /// Counts what became visible, a queue.
        var generations: [UInt32: UInt64] = [:]
        var waiting: [UInt32: [(id: UInt64, continuation: CheckedContinuation<Void, Never>)]] = [:]
        var nextID: UInt64 = 1
        /// Those whose time was over before they waited.
        var early: Set<UInt64> = []
    }

    private let state = Mutex(State())

    /// Changes with each message that becomes visible: asked before a look that finds nothing, so that none is missed between look and wait.
    func generation(of queue: UInt32) -> UInt64 { state.withLock { $0.generations[queue] ?? 0 } }

    /// The queues that somebody waits for.
    var queues: [UInt32] { state.withLock { Array($0.waiting.keys) } }

    /// So many messages have become visible: as many who wait go on.
    func signal(_ queue: UInt32, _ count: Int) {
        let woken = state.withLock { state in
            state.generations[queue, default: 0] += 1
            let waiting = state.waiting[queue] ?? []
            state.waiting[queue] = waiting.count > count ? Array(waiting.dropFirst(count)) : nil
            return waiting.prefix(count).map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Everybody who waits goes on.
    func signalAll() {
        let woken = state.withLock { state in
            for queue in state.waiting.keys { state.generations[queue, default: 0] += 1 }
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap { $0.map(\.continuation) }
        }
        for continuation in woken { continuation.resume() }
    }

    /// Waits for a signal after `generation`, or for so long.
    func wait(for queue: UInt32, since generation: UInt64, nanoseconds: UInt64) async {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        // Cancelled when this returns.
        let timer = Task {
            try? await Task.sleep(for: .nanoseconds(Int64(clamping: nanoseconds)))
            wake(queue, id)
        }
        defer {
            timer.cancel()
            state.withLock { _ = $0.early.remove(id) }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver =
                    Task.isCancelled
                    || state.withLock { state in
                        guard (state.generations[queue] ?? 0) == generation, !state.early.contains(id) else {
                            return true
                        }
                        state.waiting[queue, default: []].append((id, continuation))
                        return false
                    }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(queue, id)
        }
    }

    private func wake(_ queue: UInt32, _ id: UInt64) {
        let woken = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let place = state.waiting[queue]?.firstIndex(where: { $0.id == id }) else {
                state.early.insert(id)
                return nil
            }
            let continuation = state.waiting[queue]?.remove(at: place).continuation
            if state.waiting[queue]?.isEmpty == true { state.waiting[queue] = nil }
            return continuation
        }
        woken?.resume()
    }
}
