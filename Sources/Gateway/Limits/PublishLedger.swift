import SluiceCore

/// Who has published how much lately: decides whether more may come.
///
/// A value; time is passed in, nanoseconds of `StageClock`.
struct PublishLedger {
    private let connectionLimit: RateLimit?
    private var principals: RateTable<PrincipalID>?
    private var addresses: RateTable<PeerNetwork>?
    private var bytes: RateTable<PrincipalID>?

    init(_ limits: ClientLimits) {
        connectionLimit = limits.connectionPublishes
        principals = limits.principalPublishes.map { RateTable($0) }
        addresses = limits.addressPublishes.map { RateTable($0) }
        bytes = limits.principalBytesPerHour.map {
            RateTable(RateLimit(perSecond: Double($0) / 3_600, burst: Double($0)))
        }
    }

    /// Records that a client wants to publish.
    struct Wish {
        let records: Int
        let bytes: Int
        let principal: PrincipalID
        let address: PeerNetwork
    }

    /// Takes a wish in, if all limits have room for it; otherwise none is charged.
    ///
    /// `connection`: the bucket of the connection that it came by.
    mutating func publish(
        _ wish: Wish,
        on connection: inout RateBucket,
        now: UInt64
    ) throws(ConnectionLedger.Reached) {
        let isNamed = wish.principal.isNamed
        try check(connectionLimit.map { connection.wait($0, now: now) }, .connectionPublishes)
        if isNamed { try check(principals?.wait(for: wish.principal, now: now), .principalPublishes) }
        if wish.address != .other { try check(addresses?.wait(for: wish.address, now: now), .addressPublishes) }
        if isNamed { try check(bytes?.wait(for: wish.principal, now: now), .principalBytes) }
        if let connectionLimit { connection.take(wish.records, connectionLimit, now: now) }
        if isNamed {
            principals?.take(wish.records, for: wish.principal, now: now)
            bytes?.take(wish.bytes, for: wish.principal, now: now)
        }
        if wish.address != .other { addresses?.take(wish.records, for: wish.address, now: now) }
    }

    private func check(_ wait: UInt64?, _ limit: ClientLimit) throws(ConnectionLedger.Reached) {
        guard let wait, wait > 0 else { return }
        throw ConnectionLedger.Reached(limit: limit, waitNanoseconds: wait)
    }
}
