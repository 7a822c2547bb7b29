import Glibc
import PosixSupport
public import SluiceCore

/// A gateway in the registry.
public struct GatewayRow: Hashable, Sendable {
    /// The gateway, new at each start.
    public let id: GatewayID
    /// The name that the operator gave it.
    ///
    /// A gateway that comes back under its name cleans up after its earlier self.
    public let name: String
    /// Its process on its host.
    public let processID: Int32
    /// Where publishers reach it: `unix:/path` or `tcp://host:port`.
    public let linkAddress: String
    /// Where clients reach it: `http://host:port`.
    public package(set) var httpAddress: String
    /// Where its metrics and latencies are served: the same, or a port of its own.
    public package(set) var operationsAddress: String
    /// When it started, wall nanoseconds.
    public let startedAtNanoseconds: UInt64
    /// When its rows may be removed if it doesn't renew, wall nanoseconds.
    public package(set) var leaseExpiresAtNanoseconds: UInt64

    /// Describes a gateway, of this process unless another is given; the writer fills in the lease.
    public init(
        id: GatewayID,
        name: String,
        linkAddress: String,
        httpAddress: String,
        operationsAddress: String? = nil,
        processID: Int32? = nil,
        startedAtNanoseconds: UInt64 = StageClock.wallNanoseconds(),
        leaseExpiresAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.name = name
        self.processID = processID ?? ThisProcess.id
        self.linkAddress = linkAddress
        self.httpAddress = httpAddress
        self.operationsAddress = operationsAddress ?? httpAddress
        self.startedAtNanoseconds = startedAtNanoseconds
        self.leaseExpiresAtNanoseconds = leaseExpiresAtNanoseconds
    }
}

/// A publisher in the registry, there for `sluice latency`, `sluice connections` and `sluice queue` to find it.
public struct PublisherRow: Hashable, Sendable {
    /// The publisher, new at each start.
    public let id: String
    /// Where its metrics and latencies are served: `http://host:port`.
    public let operationsAddress: String
    /// The name of the queue that it takes records from.
    public let queue: String
    /// When it started, wall nanoseconds.
    public let startedAtNanoseconds: UInt64
    /// When its row may be removed if it doesn't renew, wall nanoseconds.
    public package(set) var leaseExpiresAtNanoseconds: UInt64

    /// Describes a publisher; ``SubscriptionFollowing/renew(_:)`` fills in the lease.
    public init(
        id: String,
        operationsAddress: String,
        queue: String,
        startedAtNanoseconds: UInt64 = StageClock.wallNanoseconds(),
        leaseExpiresAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.operationsAddress = operationsAddress
        self.queue = queue
        self.startedAtNanoseconds = startedAtNanoseconds
        self.leaseExpiresAtNanoseconds = leaseExpiresAtNanoseconds
    }
}

/// A client connection in the registry.
public struct ConnectionRow: Hashable, Sendable {
    /// The connection.
    public let id: ConnectionID
    /// The gateway that owns it.
    public let gatewayID: GatewayID
    /// Who it is, as the authorizer said.
    public let principal: String?
    /// The client's address as the gateway saw it.
    public let remoteAddress: String
    /// When it was opened, wall nanoseconds.
    public let connectedAtNanoseconds: UInt64
    /// Topics that it is subscribed to.
    public let subscriptions: Int

    /// Describes a connection.
    public init(
        id: ConnectionID,
        gatewayID: GatewayID,
        principal: String?,
        remoteAddress: String,
        connectedAtNanoseconds: UInt64,
        subscriptions: Int
    ) {
        self.id = id
        self.gatewayID = gatewayID
        self.principal = principal
        self.remoteAddress = remoteAddress
        self.connectedAtNanoseconds = connectedAtNanoseconds
        self.subscriptions = subscriptions
    }
}

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
