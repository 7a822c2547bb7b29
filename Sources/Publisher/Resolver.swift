import ChangeQueue
import SluiceCore
import SubscriptionRegistry

/// Finds the gateways that have subscribers of a record's topic: a dictionary look-up in the index that follows the registry.
struct Resolver {
    private let index: any SubscriptionFollowing

    init(index: any SubscriptionFollowing) { self.index = index }

    /// The gateways that the registry holds.
    var gateways: [GatewayRow] { index.liveGateways }

    /// Reads what the registry has committed until now.
    ///
    /// It must be called *after* a record was received and before it is resolved: a subscription that was acknowledged before the record was
    /// published is then in the index (docs/decisions/resolve-then-expand.md).
    /// - Returns: whether anything has changed.
    mutating func refresh() throws -> Bool { try index.refresh() }

    /// Looks up every record's gateways, leaving out those that have answered for it on an earlier try.
    func resolve(_ records: [ReceivedRecord], answered: BatchesInFlight) -> [Batch.Entry] {
        zip(records, index.gateways(for: records.map(\.record.topic))).map { received, gateways in
            guard received.receiveCount > 1, !gateways.isEmpty else {
                return Batch.Entry(received: received, gateways: gateways)
            }
            let missing = gateways.filter { !answered.hasAnswered($0, for: received.record.sequence) }
            return Batch.Entry(received: received, gateways: missing)
        }
    }
}
