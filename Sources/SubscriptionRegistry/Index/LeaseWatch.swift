package import SluiceCore

/// Decides when a gateway is given up: its lease is over by the wall clock, *and* it wasn't renewed for a while that
/// this process has watched itself.
///
/// Otherwise a machine that sleeps and wakes, or a clock that is set, would cost every gateway its rows.
package struct LeaseWatch {
    /// A gateway to be given up, with the lease that it was seen with.
    package struct Lapse: Equatable {
        package let gateway: GatewayID
        package let leaseExpiresAtNanoseconds: UInt64
    }

    private struct Sighting {
        var leaseExpiresAtNanoseconds: UInt64
        var sinceMonotonicNanoseconds: UInt64
    }

    private let patienceNanoseconds: UInt64
    private var sightings: [GatewayID: Sighting] = [:]

    /// - Parameter patienceNanoseconds: how long a lease must have been seen unchanged; longer than gateways take to renew.
    package init(patienceNanoseconds: UInt64) { self.patienceNanoseconds = patienceNanoseconds }

    /// Notes the leases that the registry holds now.
    /// - Returns: the gateways to be given up.
    package mutating func observe(
        _ gateways: [GatewayRow],
        wallNanoseconds: UInt64,
        monotonicNanoseconds: UInt64
    ) -> [Lapse] {
        var kept: [GatewayID: Sighting] = [:]
        var lapsed: [Lapse] = []
        for gateway in gateways {
            let lease = gateway.leaseExpiresAtNanoseconds
            var since = monotonicNanoseconds
            if let sighting = sightings[gateway.id], sighting.leaseExpiresAtNanoseconds == lease {
                since = sighting.sinceMonotonicNanoseconds
            }
            kept[gateway.id] = Sighting(leaseExpiresAtNanoseconds: lease, sinceMonotonicNanoseconds: since)
            let watched = monotonicNanoseconds &- since
            if lease < wallNanoseconds, watched >= patienceNanoseconds {
                lapsed.append(Lapse(gateway: gateway.id, leaseExpiresAtNanoseconds: lease))
            }
        }
        sightings = kept
        return lapsed
    }
}
