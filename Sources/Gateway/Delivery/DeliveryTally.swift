import SluiceCore

/// What one event loop did with one delivery.
struct DeliveryTally: Sendable {
    /// Events written: records times sockets.
    var sockets: UInt32 = 0
    /// Connections of its list that are here.
    var found: [ConnectionID] = []
    /// Connections that were closed because they read too slowly.
    var slow: [ConnectionID] = []

    /// Adds what another loop did.
    mutating func add(_ other: DeliveryTally) {
        sockets = sockets.addingReportingOverflow(other.sockets).overflow ? .max : sockets + other.sockets
        found.append(contentsOf: other.found)
        slow.append(contentsOf: other.slow)
    }
}
