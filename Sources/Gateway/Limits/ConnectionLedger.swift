import SluiceCore

/// Who has how many connections: decides whether one more may come.
///
/// A value; time is passed in, nanoseconds of `StageClock`.
struct ConnectionLedger {
    /// Why one may not.
    struct Reached: Error, Equatable {
        let limit: ClientLimit
        /// How long until it may, where that is known.
        var waitNanoseconds: UInt64?
    }

    private let limits: ClientLimits
    private var count = 0
    private var byAddress: [PeerNetwork: Int] = [:]
    private var byPrincipal: [PrincipalID: Int] = [:]
    private var connects = RateBucket()
    private var addressConnects: RateTable<PeerNetwork>?

    init(_ limits: ClientLimits) {
        self.limits = limits
        addressConnects = limits.addressConnects.map { RateTable($0) }
    }

    /// Connections that count.
    var openCount: Int { count }
    /// Addresses and principals that are kept.
    var keptCount: Int { byAddress.count + byPrincipal.count }

    /// A connection comes; `address` is nil for a proxy's, which is many clients'.
    mutating func open(from address: PeerNetwork?, now: UInt64) throws(Reached) {
        if let maximum = limits.connections, count >= maximum { throw Reached(limit: .connections) }
        if let rate = limits.connects {
            let wait = connects.wait(rate, now: now)
            guard wait == 0 else { throw Reached(limit: .connects, waitNanoseconds: wait) }
        }
        if let address { try enter(address, now: now) }
        if let rate = limits.connects { connects.take(1, rate, now: now) }
        count += 1
    }

    /// It is gone.
    mutating func close(from address: PeerNetwork?) {
        count -= 1
        if let address { ConnectionLedger.decrement(&byAddress, address) }
    }

    /// A connection becomes a member of the fan-out; `address`: where its client is, if a proxy says so.
    mutating func join(_ principal: PrincipalID, from address: PeerNetwork?, now: UInt64) throws(Reached) {
        let counts = limits.principalConnections != nil && principal.isNamed
        if counts, let maximum = limits.principalConnections, byPrincipal[principal, default: 0] >= maximum {
            throw Reached(limit: .principalConnections)
        }
        if let address { try enter(address, now: now) }
        if counts { byPrincipal[principal, default: 0] += 1 }
    }

    /// It is none any more.
    mutating func leave(_ principal: PrincipalID, from address: PeerNetwork?) {
        if limits.principalConnections != nil, principal.isNamed {
            ConnectionLedger.decrement(&byPrincipal, principal)
        }
        if let address { ConnectionLedger.decrement(&byAddress, address) }
    }

    private mutating func enter(_ address: PeerNetwork, now: UInt64) throws(Reached) {
        if let maximum = limits.addressConnections, byAddress[address, default: 0] >= maximum {
            throw Reached(limit: .addressConnections)
        }
        let wait = addressConnects?.wait(for: address, now: now) ?? 0
        guard wait == 0 else { throw Reached(limit: .addressConnects, waitNanoseconds: wait) }
        addressConnects?.take(1, for: address, now: now)
        byAddress[address, default: 0] += 1
    }

    private static func decrement<Key>(_ counts: inout [Key: Int], _ key: Key) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}

extension PrincipalID {
    /// Whether it is one client, and not all that have no name, nor the server itself.
    var isNamed: Bool { self != .anonymous && self != .server }
}
