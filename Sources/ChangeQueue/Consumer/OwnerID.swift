import SluiceCore

/// A publisher's name in the consumer state and on its lock in the run directory: new at each start.
struct OwnerID: Hashable, Sendable, Comparable {
    let high: UInt64
    let low: UInt64

    /// Nobody.
    static let none = OwnerID(high: 0, low: 0)

    /// Draws a new name.
    static func random() -> OwnerID {
        OwnerID(high: .random(in: 1 ... .max), low: .random(in: 0 ... .max))
    }

    /// Orders by the bits, so that all publishers list each other in the same order.
    static func < (left: OwnerID, right: OwnerID) -> Bool { (left.high, left.low) < (right.high, right.low) }

    /// The name of its lock file.
    var fileName: String { ConnectionID(high: high, low: low).description + OwnerLock.suffix }
}
