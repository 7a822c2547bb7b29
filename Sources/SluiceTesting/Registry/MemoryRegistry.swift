import SluiceCore
public import SubscriptionRegistry
import Synchronization

/// A registry in memory: the reference for what gateways write and publishers follow, and a registry for tests that need no disk.
///
/// A gateway lives as long as its directory does; from then on it is given up when its lease has lapsed.
public final class MemoryRegistry: Sendable {
    private let configuration: RegistryConfiguration
    private let state = Mutex(State())

    /// An empty registry; of the configuration it knows the lease and the clock.
    public init(configuration: RegistryConfiguration = RegistryConfiguration()) { self.configuration = configuration }

    /// The registry as a gateway writes it; nothing is written before it is started.
    public func directory(_ gateway: GatewayRow) -> any SubscriptionDirectory {
        state.withLock { $0.gateways[gateway.id] = State.Gateway(row: gateway) }
        return MemoryDirectory(gateway.id, of: self)
    }

    /// The registry as a publisher follows it.
    public func following() -> any SubscriptionFollowing { MemoryFollowing(self) }

    /// The publishers that have shown themselves, by their ids.
    public var publishers: [PublisherRow] { state.withLock { $0.publishers.values.sorted { $0.id < $1.id } } }

    fileprivate func change<Result: Sendable>(_ body: (inout State, _ now: UInt64) -> Result) -> Result {
        let now = configuration.wallNanoseconds()
        return state.withLock { body(&$0, now) }
    }

    fileprivate var leaseNanoseconds: UInt64 { configuration.leaseNanoseconds }
}

extension MemoryRegistry {
    fileprivate struct State {
        struct Gateway {
            var row: GatewayRow
            /// Whether publishers see it.
            var isListed = false
            var isStarted = false
            var isClosed = false
            /// When its directory was let go without being closed.
            var goneAt: UInt64?
            var connections: [ConnectionID: Set<Topic>] = [:]
            /// Who waits for the start.
            var waiting: [@Sendable (Result<Void, RegistryError>) -> Void] = []
            var registeredAgain: @Sendable () -> Void = {}

            var topics: Set<Topic> { connections.values.reduce(into: []) { $0.formUnion($1) } }
        }

        var gateways: [GatewayID: Gateway] = [:]
        var publishers: [String: PublisherRow] = [:]

        /// Forgets the gateways that are gone and whose lease has lapsed.
        mutating func removeLapsed(lease: UInt64, now: UInt64) {
            gateways = gateways.filter { _, gateway in gateway.goneAt.map { $0 &+ lease >= now } ?? true }
        }
    }
}

/// One gateway's end.
private final class MemoryDirectory: SubscriptionDirectory {
    typealias Gateway = MemoryRegistry.State.Gateway

    private let id: GatewayID
    private let registry: MemoryRegistry

    init(_ id: GatewayID, of registry: MemoryRegistry) {
        self.id = id
        self.registry = registry
    }

    deinit {
        registry.change { [id] state, now in
            if state.gateways[id]?.isStarted == true {
                state.gateways[id]?.goneAt = now
            } else {
                state.gateways[id] = nil
            }
        }
    }

    func start() throws(RegistryError) {
        let waiting = registry.change { [id, lease = registry.leaseNanoseconds] state, now in
            state.removeLapsed(lease: lease, now: now)
            let name = state.gateways[id]?.row.name
            for (other, gateway) in state.gateways where other != id && gateway.row.name == name && gateway.isListed {
                state.gateways[other]?.isListed = false
            }
            state.gateways[id]?.isStarted = true
            state.gateways[id]?.isListed = true
            defer { state.gateways[id]?.waiting = [] }
            return state.gateways[id]?.waiting ?? []
        }
        for then in waiting { then(.success(())) }
    }

    func whenRegisteredAgain(_ body: @escaping @Sendable () -> Void) {
        registry.change { [id] state, _ in state.gateways[id]?.registeredAgain = body }
    }

    func connected(_ connection: ConnectionID, principal: String?, remoteAddress: String) {
        alter { $0.connections[connection] = [] }
    }

    func subscribe(
        _ connection: ConnectionID,
        topics: [Topic],
        then: @escaping @Sendable (Result<Void, RegistryError>) -> Void
    ) {
        let answer: Result<Void, RegistryError>? = alter { gateway in
            if gateway.isClosed { return .failure(RegistryError(.closed, "The directory is closed.")) }
            guard gateway.connections[connection] != nil else {
                return .failure(RegistryError(.unknownConnection, "The connection \(connection) isn't connected."))
            }
            gateway.connections[connection]?.formUnion(topics)
            guard gateway.isStarted else {
                gateway.waiting.append(then)
                return nil
            }
            return .success(())
        }
        if let answer { then(answer) }
    }

    func unsubscribe(_ connection: ConnectionID, topics: [Topic]) {
        alter { $0.connections[connection]?.subtract(topics) }
    }

    func disconnected(_ connection: ConnectionID) { alter { $0.connections[connection] = nil } }

    func listening(at httpAddress: String, operations: String) {
        alter { ($0.row.httpAddress, $0.row.operationsAddress) = (httpAddress, operations) }
    }

    var fault: RegistryError? { nil }

    func flush() async throws(RegistryError) {
        let isClosed = registry.change { [id] state, _ in state.gateways[id]?.isClosed ?? true }
        if isClosed { throw RegistryError(.closed, "The directory is closed.") }
    }

    func close() async {
        let waiting = registry.change { [id] state, _ in
            defer {
                state.gateways[id]?.waiting = []
                state.gateways[id]?.connections = [:]
                state.gateways[id]?.isListed = false
                state.gateways[id]?.isClosed = true
            }
            return state.gateways[id]?.waiting ?? []
        }
        for then in waiting { then(.failure(RegistryError(.closed, "The directory was closed before its start."))) }
    }

    /// Changes this gateway; where it was taken for dead although it lives, it is listed again.
    @discardableResult
    private func alter<Result: Sendable>(_ body: (inout Gateway) -> Result) -> Result {
        let (result, registeredAgain) = registry.change { [id] state, _ in
            // It is there as long as this object.
            var gateway =
                state.gateways[id] ?? Gateway(row: GatewayRow(id: id, name: "", linkAddress: "", httpAddress: ""))
            let isLost = gateway.isStarted && !gateway.isClosed && !gateway.isListed
            if isLost { gateway.isListed = true }
            let result = body(&gateway)
            state.gateways[id] = gateway
            return (result, isLost ? gateway.registeredAgain : nil as (@Sendable () -> Void)?)
        }
        registeredAgain?()
        return result
    }
}

/// One publisher's end: what was committed at its last look.
private final class MemoryFollowing: SubscriptionFollowing {
    private struct View: Equatable, Sendable {
        var gateways: [GatewayRow] = []
        var topics: [Topic: [GatewayID]] = [:]
    }

    private let registry: MemoryRegistry
    private var view = View()

    init(_ registry: MemoryRegistry) {
        self.registry = registry
        refresh()
    }

    @discardableResult
    func refresh() -> Bool {
        let before = view
        view = registry.change { [lease = registry.leaseNanoseconds] state, now in
            state.removeLapsed(lease: lease, now: now)
            let listed = state.gateways.values.filter(\.isListed).sorted {
                ($0.row.startedAtNanoseconds, $0.row.id.rawValue) < ($1.row.startedAtNanoseconds, $1.row.id.rawValue)
            }
            var view = View(gateways: listed.map(\.row))
            for gateway in listed {
                for topic in gateway.topics { view.topics[topic, default: []].append(gateway.row.id) }
            }
            return view
        }
        return view != before
    }

    func gateways(for topics: [Topic]) -> [[GatewayID]] { topics.map { view.topics[$0] ?? [] } }

    var liveGateways: [GatewayRow] { view.gateways }

    var publishers: any PublisherRecording { MemoryPublishers(registry: registry) }
}

/// The publishers' rows.
private struct MemoryPublishers: PublisherRecording {
    let registry: MemoryRegistry

    func renew(_ publisher: PublisherRow) {
        registry.change { [lease = registry.leaseNanoseconds] state, now in
            var row = publisher
            row.leaseExpiresAtNanoseconds = now &+ lease
            state.publishers[row.id] = row
            state.publishers = state.publishers.filter { $1.leaseExpiresAtNanoseconds >= now }
        }
    }

    func remove(publisher id: String) {
        registry.change { state, _ in _ = state.publishers.removeValue(forKey: id) }
    }
}
