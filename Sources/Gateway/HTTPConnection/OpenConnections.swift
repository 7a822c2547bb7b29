import Metrics
import NIOCore
import Synchronization

/// Counts the open connections and the routed requests that are being answered, so that a drain knows when the last one is done.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var taskCount = 0
        var waiters: [CheckedContinuation<Void, Never>] = []

        var isEmpty: Bool { channels.isEmpty && taskCount == 0 }

        /// Those who wait for the end, when it has come.
        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            guard isEmpty else { return [] }
            defer { waiters = [] }
            return waiters
        }
    }

    // A lock, not an event loop: connections of all loops meet here, once at their start and once at their end.
    private let state = Mutex(State())
    private let gauge: Gauge

    init(factory: any MetricsFactory) {
        gauge = Gauge(label: "sluice_open_connections", dimensions: [], factory: factory)
    }

    /// Notes a connection until it closes.
    func opened(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let count = state.withLock { state in
            state.channels[id] = channel
            return state.channels.count
        }
        gauge.record(count)
        channel.closeFuture.whenComplete { _ in self.closed(id) }
    }

    /// Open connections.
    var count: Int { state.withLock { $0.channels.count } }

    /// A task that answers a request begins.
    func taskBegan() { state.withLock { $0.taskCount += 1 } }

    /// It has ended.
    func taskEnded() {
        let waiters = state.withLock { state in
            state.taskCount -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when no connection is open any more, and nothing is done for one that was.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.isEmpty { state.waiters.append(continuation) }
                return state.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Cuts what is still open.
    func closeAll() {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    private func closed(_ id: ObjectIdentifier) {
        let (count, waiters) = state.withLock { state in
            state.channels[id] = nil
            return (state.channels.count, state.takeWaiters())
        }
        gauge.record(count)
        for waiter in waiters { waiter.resume() }
    }
}
