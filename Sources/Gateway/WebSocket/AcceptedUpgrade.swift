import NIOCore
import SluiceCore

/// What was found out about a client before its connection became a WebSocket.
struct AcceptedUpgrade {
    /// What the client may do.
    let grant: Grant
    /// Who it is.
    let client: ClientAddress
    /// What the authorizer was told about the client, as far as its answer follows from it.
    let request: ConnectRequest?
    /// What its URL asks for; nil for `/echo`.
    let parameters: ConnectParameters?
    /// What was agreed on about compression; nil for none.
    let compression: PermessageDeflate?
    /// When it was accepted, nanoseconds of `StageClock`.
    let acceptedAtNanoseconds: UInt64
}

/// The upgrades of one event loop that are accepted and not installed yet, by channel.
final class AcceptedUpgrades {
    private var accepted: [ObjectIdentifier: AcceptedUpgrade] = [:]
    private var forgottenAt: UInt64 = 0
    private let now: () -> UInt64

    /// Upgrades that never came to an end are forgotten after this time, nanoseconds.
    private static let keptNanoseconds: UInt64 = 30_000_000_000
    /// How often they are looked for, nanoseconds.
    private static let checkNanoseconds: UInt64 = 500_000_000

    init(now: @escaping () -> UInt64) { self.now = now }

    /// How many there are.
    var count: Int { accepted.count }

    /// Notes what was found out.
    func add(_ upgrade: AcceptedUpgrade, for channel: any Channel) {
        let now = now()
        if now >= forgottenAt &+ AcceptedUpgrades.checkNanoseconds {
            forgottenAt = now
            accepted = accepted.filter { now < $0.value.acceptedAtNanoseconds &+ AcceptedUpgrades.keptNanoseconds }
        }
        accepted[ObjectIdentifier(channel)] = upgrade
    }

    /// Removes what was found out about the channel's client.
    func remove(for channel: any Channel) -> AcceptedUpgrade? {
        accepted.removeValue(forKey: ObjectIdentifier(channel))
    }
}
