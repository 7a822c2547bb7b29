/// How many rows of each kind the registry holds.
public struct RegistryCounts: Hashable, Sendable {
    /// Gateways with a lease.
    public let gateways: Int
    /// Publishers with a lease.
    public let publishers: Int
    /// Client connections of all the gateways.
    public let connections: Int
    /// Subscriptions of all the connections.
    public let subscriptions: Int
    /// Topics with at least one subscriber.
    public let topics: Int

    /// Counts rows.
    public init(gateways: Int, publishers: Int, connections: Int, subscriptions: Int, topics: Int) {
        self.gateways = gateways
        self.publishers = publishers
        self.connections = connections
        self.subscriptions = subscriptions
        self.topics = topics
    }
}
