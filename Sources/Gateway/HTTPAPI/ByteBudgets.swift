import Hummingbird
import Logging
import Metrics
import NIOCore
import SluiceCore

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
