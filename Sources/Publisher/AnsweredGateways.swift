import SluiceCore

/// Who has answered for a record that another gateway has still to take, so that a retry goes only to those that miss it.
///
/// It is a saving, not a promise: what it forgets is delivered once more, and the gateway's chain drops the repetition. So it is bounded.
struct AnsweredGateways {
    /// Records remembered at most; when there are more, all are forgotten.
    static let maximumRecords = 100_000

    private var gateways: [SequenceNumber: Set<GatewayID>] = [:]

    /// Whether `gateway` has answered for the record.
    func contains(_ gateway: GatewayID, for sequence: SequenceNumber) -> Bool {
        gateways.isEmpty ? false : gateways[sequence]?.contains(gateway) ?? false
    }

    /// `gateway` has answered for the record.
    mutating func note(_ gateway: GatewayID, for sequence: SequenceNumber) {
        if gateways.count >= AnsweredGateways.maximumRecords, gateways[sequence] == nil {
            gateways.removeAll(keepingCapacity: true)
        }
        gateways[sequence, default: []].insert(gateway)
    }

    /// The record is retired.
    mutating func forget(_ sequence: SequenceNumber) {
        if !gateways.isEmpty { gateways[sequence] = nil }
    }
}
