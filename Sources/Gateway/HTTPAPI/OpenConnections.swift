import Metrics
import NIOCore
import Synchronization

/// Counts the open connections, so that a drain knows when the last one is closed.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
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

    /// Returns when no connection is open any more.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.channels.isEmpty { state.waiters.append(continuation) }
                return state.channels.isEmpty
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
            guard state.channels.isEmpty else { return (state.channels.count, [CheckedContinuation<Void, Never>]()) }
            let waiters = state.waiters
            state.waiters = []
            return (0, waiters)
        }
        gauge.record(count)
        for waiter in waiters { waiter.resume() }
    }
}
