import Logging
import Metrics
import NIOCore
import SluiceCore
import Synchronization

/// The limits of a gateway's clients, kept for all its event loops: counts who has and does what, refuses, and says so.
final class ClientLimiter: Sendable {
    /// Called when a client is no member any more.
    typealias Leave = @Sendable () -> Void

    /// What is done with a connection that has come.
    enum Admission {
        /// It is served.
        case admitted
        /// Its first request is answered with this.
        case refused(APIError)
        /// It is closed, since too many are being refused.
        case dropped
    }

    let limits: ClientLimits
    private let proxies: TrustedProxies
    private let now: @Sendable () -> UInt64
    private let refusals: CounterFamily<ClientLimit>
    private let log: BoundedLog
    // Locks, not event loops: clients of all loops meet here. The first is taken at a connection's start and end, the second once a
    // publish, where publishes are limited at all.
    private let connections: Mutex<ConnectionLedger>
    private let publishes: Mutex<PublishLedger>
    private let beingRefused = Atomic<Int>(0)

    /// `proxies`: whose connections are many clients'.
    init(
        _ limits: ClientLimits,
        proxies: TrustedProxies = .none,
        metrics: any MetricsFactory,
        logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { StageClock.nowNanoseconds() }
    ) {
        let limits = limits.inForce
        self.limits = limits
        self.proxies = proxies
        self.now = now
        refusals = CounterFamily("sluice_limit_refusals_total", by: "limit", factory: metrics)
        log = BoundedLog(logger)
        connections = Mutex(ConnectionLedger(limits))
        publishes = Mutex(PublishLedger(limits))
    }

    // MARK: - Connections

    /// A connection has come; it counts until it closes.
    func open(_ channel: any Channel) -> Admission {
        guard limits.countConnections else { return .admitted }
        let peer = ClientAddress(channel.remoteAddress)
        let address = proxies.contains(peer) ? nil : network(peer)
        do throws(ConnectionLedger.Reached) {
            let now = now()
            try connections.withLock { ledger throws(ConnectionLedger.Reached) in
                try ledger.open(from: address, now: now)
            }
        } catch {
            return refuse(channel, note(error, peer, nil))
        }
        channel.closeFuture.whenComplete { [self] _ in connections.withLock { $0.close(from: address) } }
        return .admitted
    }

    /// An answer takes a moment and a descriptor: those who get one are limited as well.
    private func refuse(_ channel: any Channel, _ error: APIError) -> Admission {
        guard beingRefused.add(1, ordering: .relaxed).newValue <= ClientLimiter.maximumRefusedConnections else {
            beingRefused.subtract(1, ordering: .relaxed)
            return .dropped
        }
        channel.closeFuture.whenComplete { [self] _ in beingRefused.subtract(1, ordering: .relaxed) }
        return .refused(error)
    }

    private static let maximumRefusedConnections = 256

    /// A client becomes a member of the fan-out: by a WebSocket, a stream or a long poll.
    /// - Returns: what is called when it is none any more.
    /// - Throws: `TooManyConnections`.
    func join(
        _ grant: Grant,
        from client: ClientAddress,
        on channel: any Channel
    ) throws(APIError) -> Leave {
        guard limits.countMembers else { return {} }
        // A client that connects itself has been counted.
        let address = proxies.contains(ClientAddress(channel.remoteAddress)) ? network(client) : nil
        let principal = grant.principalID
        do throws(ConnectionLedger.Reached) {
            let now = now()
            try connections.withLock { ledger throws(ConnectionLedger.Reached) in
                try ledger.join(principal, from: address, now: now)
            }
        } catch {
            throw note(error, client, grant.principal)
        }
        return { [self] in connections.withLock { $0.leave(principal, from: address) } }
    }

    /// An address that isn't known is nobody's.
    private func network(_ client: ClientAddress) -> PeerNetwork? {
        let network = PeerNetwork(client)
        return network == .other ? nil : network
    }

    // MARK: - Publishes and frames

    /// A client wants to publish; `connection`: the bucket of the connection that it came by.
    /// - Returns: `TooManyRequests` if it may not now.
    func refusal(
        ofRecords records: Int,
        bytes: Int,
        by grant: Grant,
        from client: ClientAddress,
        on connection: inout RateBucket
    ) -> APIError? {
        guard limits.countPublishes else { return nil }
        let wish = PublishLedger.Wish(
            records: records,
            bytes: bytes,
            principal: grant.principalID,
            address: PeerNetwork(client)
        )
        let now = now()
        do throws(ConnectionLedger.Reached) {
            try publishes.withLock { ledger throws(ConnectionLedger.Reached) in
                try ledger.publish(wish, on: &connection, now: now)
            }
            return nil
        } catch {
            return note(error, client, grant.principal)
        }
    }

    /// The same by a connection that has no bucket: its requests are answered by tasks, which may be many at once.
    func refusal(ofRecords records: Int, bytes: Int, by grant: Grant, from client: ClientAddress) -> APIError? {
        var none = RateBucket()
        return refusal(ofRecords: records, bytes: bytes, by: grant, from: client, on: &none)
    }

    /// A WebSocket has sent a frame.
    /// - Returns: `TooManyRequests` if that is too fast.
    func refusal(
        ofFrame bytes: Int,
        _ pace: inout ConnectionPace,
        by grant: Grant,
        from client: ClientAddress
    ) -> APIError? {
        guard limits.countFrames else { return nil }
        do throws(ConnectionLedger.Reached) {
            try pace.receive(bytes: bytes, limits, now: now())
            return nil
        } catch {
            return note(error, client, grant.principal)
        }
    }

    private func note(_ reached: ConnectionLedger.Reached, _ client: ClientAddress, _ principal: String?) -> APIError {
        refusals.increment(reached.limit)
        log.write(
            .notice,
            "A client has reached a limit",
            [
                "limit": "\(reached.limit.rawValue)", "address": "\(client)",
                "principal": "\((principal ?? "").printable(limit: 80))",
            ]
        )
        return reached.limit.refusal(waitNanoseconds: reached.waitNanoseconds)
    }
}
