import Hummingbird
import Logging
import Metrics
import NIOCore
import SluiceCore
import Synchronization

/// How many bytes of one kind a gateway holds for all clients together, and the most that it may.
///
/// The limits of one connection bound what one client can take; this bounds what many can.
final class ByteBudget: Sendable {
    /// What it is for, for logs and metrics.
    let name: String
    /// The most bytes that may be held.
    let maximumBytes: Int
    private let held = Atomic<Int>(0)
    private let refusals: Counter
    private let gauge: Gauge
    private let log: BoundedLog

    init(_ name: String, maximumBytes: Int, metrics: any MetricsFactory, logger: Logger) {
        self.name = name
        self.maximumBytes = maximumBytes
        log = BoundedLog(logger)
        let dimensions = [("budget", name)]
        refusals = Counter(label: "sluice_budget_refusals_total", dimensions: dimensions, factory: metrics)
        gauge = Gauge(label: "sluice_budget_bytes", dimensions: dimensions, factory: metrics)
    }

    /// Bytes that are held now.
    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// Takes room for so many more bytes.
    /// - Returns: whether there was room.
    func take(_ bytes: Int) -> Bool {
        guard held.add(bytes, ordering: .relaxed).newValue > maximumBytes else { return true }
        give(bytes)
        refused()
        return false
    }

    /// Gives room back.
    func give(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }

    /// Brings the gauge up to date.
    func measure() { gauge.record(heldBytes) }

    private func refused() {
        refusals.increment()
        log.write(
            .warning,
            "No room is left for more bytes of this kind; clients are told to try again",
            ["budget": "\(name)", "maximumBytes": "\(maximumBytes)"]
        )
    }
}

/// Room in a ``ByteBudget`` that somebody has taken; given back when the last owner is gone.
final class BudgetShare: Sendable {
    private let budget: ByteBudget
    private let bytes = Atomic<Int>(0)

    init(of budget: ByteBudget) { self.budget = budget }

    deinit { budget.give(bytes.load(ordering: .relaxed)) }

    /// Takes more room, or says that there is none.
    func grow(by count: Int) -> Bool {
        guard budget.take(count) else { return false }
        bytes.add(count, ordering: .relaxed)
        return true
    }

    /// Takes or gives back room until it is `count` bytes.
    /// - Returns: false when there was no room; then nothing has changed.
    func resize(to count: Int) -> Bool {
        let difference = count - bytes.load(ordering: .relaxed)
        if difference > 0 { return grow(by: difference) }
        if difference < 0 {
            bytes.add(difference, ordering: .relaxed)
            budget.give(-difference)
        }
        return true
    }
}

/// What a gateway holds for all its clients together.
struct ByteBudgets: Sendable {
    /// What connections have sent whose first request isn't complete or authorized.
    let unauthenticated: ByteBudget
    /// Bodies and messages of clients that may send them, while they aren't complete.
    let unfinished: ByteBudget
    /// Large answers that clients haven't taken.
    let unsent: ByteBudget

    init(_ limits: HTTPLimits, metrics: any MetricsFactory, logger: Logger) {
        func budget(_ name: String, _ bytes: Int) -> ByteBudget {
            ByteBudget(name, maximumBytes: bytes, metrics: metrics, logger: logger)
        }
        unauthenticated = budget("unauthenticated", limits.unauthenticatedBytes)
        unfinished = budget("unfinished", limits.unfinishedBytes)
        unsent = budget("unsent", limits.unsentBytes)
    }

    /// Brings the gauges up to date.
    func measure() { for budget in [unauthenticated, unfinished, unsent] { budget.measure() } }
}

extension APIError {
    /// All clients together hold too much.
    static func overloaded(_ budget: ByteBudget) -> APIError {
        APIError(
            .overloaded,
            "The gateway holds \(budget.maximumBytes) bytes of \(budget.name) data for all clients and takes no more: try again."
        )
    }
}

extension ByteBudget {
    /// Reads a body that its client may send; it counts until the share is gone.
    /// - Throws: `PayloadTooLarge`, `Overloaded`, and what reading throws.
    func collect(_ body: RequestBody, upTo limit: Int) async throws -> (bytes: [UInt8], share: BudgetShare) {
        let share = BudgetShare(of: self)
        var bytes: [UInt8] = []
        for try await part in body {
            guard bytes.count + part.readableBytes <= limit else { throw APIError.bodyTooLarge(limit) }
            guard share.grow(by: part.readableBytes) else { throw APIError.overloaded(self) }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return (bytes, share)
    }
}
