import FanOut
import Metrics
import NIOCore
import NIOPosix
import SluiceCore
import Synchronization

/// Does the history work of all connections, of resumes and of HTTP alike, on threads of its own in the order of a ``HistoryQueue``.
///
/// Its own threads, since a walk may touch many pages that aren't in memory: nothing else of the process waits behind it.
final class HistoryPool: Sendable {
    /// Two read the disk while one of them waits for it; more take time from the event loops.
    private static let threadCount = 2

    // One lock for each piece of work, which takes some 0.1 to 10 ms; never on the way of a record.
    private let queue = Mutex(HistoryQueue<HistoryWork>())
    private let threads = NIOThreadPool(numberOfThreads: HistoryPool.threadCount)
    private let counters: HistoryCounters

    /// Starts its threads; ``shutdown()`` ends them.
    init(counters: HistoryCounters) {
        self.counters = counters
        threads.start()
    }

    /// Takes work in, from any thread.
    func submit(_ work: HistoryWork, for asker: HistoryAsker) {
        queue.withLock { $0.add(work, for: asker) }
        counters.waits()
        threads.submit { state in
            switch state {
            case .active: self.runAll()
            case .cancelled: self.dropAll()
            }
        }
    }

    /// A connection is gone: what it has waiting isn't done.
    func leave(_ asker: HistoryAsker) { drop(queue.withLock { $0.leave(asker) }) }

    /// Does work and waits for its result.
    /// - Parameters:
    ///   - asker: for whom.
    ///   - channel: the asker's connection; when it is closed the work isn't done, since nobody can read its result.
    ///   - body: the work.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; `ShuttingDown` when the work wasn't done.
    func run<Value: Sendable>(
        for asker: HistoryAsker,
        on channel: any Channel,
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let drop: @Sendable () -> Void = { continuation.resume(throwing: HistoryPool.givenUp) }
            let counters = counters
            let work = HistoryWork(
                run: {
                    guard channel.isActive else {
                        counters.dropped(1)
                        return drop()
                    }
                    continuation.resume(with: Result { try body() })
                },
                drop: drop
            )
            submit(work, for: asker)
        }
    }

    /// Gives up what waits and ends the threads; for the end of the process.
    func shutdown() async {
        dropAll()
        // It throws only when it is called on a thread of the pool.
        try? await threads.shutdownGracefully()
    }

    private func runAll() {
        var done: HistoryAsker?
        while let (asker, work) = queue.withLock({ queue in
            // In one step, so that a connection's next work can be this thread's next.
            if let done { queue.finished(done) }
            return queue.next()
        }) {
            counters.begun()
            work.run()
            done = asker
        }
    }

    private func dropAll() { drop(queue.withLock { $0.removeAll() }) }

    private func drop(_ work: [HistoryWork]) {
        counters.left(work.count)
        for one in work { one.drop() }
    }

    private static var givenUp: APIError {
        APIError(.shuttingDown, "The history wasn't read: the connection is closed, or the gateway is shutting down.")
    }
}

extension HistoryAsker {
    /// A connection of the client with this grant.
    init(_ grant: Grant, _ connection: AnyObject) {
        self.init(principal: grant.principal.map { ByteString($0) }, connection)
    }
}

/// What is counted about reading history.
struct HistoryCounters: Sendable {
    private let waiting: Meter
    private let pieces: Counter
    private let abandoned: Counter

    init(factory: any MetricsFactory) {
        waiting = Meter(label: "sluice_history_waiting", dimensions: [], factory: factory)
        pieces = Counter(label: "sluice_history_pieces_total", dimensions: [], factory: factory)
        abandoned = Counter(label: "sluice_history_dropped_total", dimensions: [], factory: factory)
    }

    /// A piece of work waits for its turn.
    func waits() { waiting.increment() }

    /// Its turn has come.
    func begun() {
        waiting.decrement()
        pieces.increment()
    }

    /// Pieces that waited won't be done: nobody wants them any more.
    func left(_ count: Int) {
        guard count > 0 else { return }
        waiting.decrement(by: Double(count))
        dropped(count)
    }

    /// Pieces weren't done.
    func dropped(_ count: Int) { abandoned.increment(by: count) }
}
