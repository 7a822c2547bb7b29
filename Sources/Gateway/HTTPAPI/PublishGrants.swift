import SluiceCore

/// The grant of the token that a connection's publishes carry: asked for once, not for each request.
struct PublishGrants {
    private struct Kept {
        let key: String?
        let grant: Grant
        let validUntilWallNanoseconds: UInt64
    }

    /// Longest use of a grant without asking the authorizer again, nanoseconds: a revoked token works no longer than
    /// this on a connection.
    static let maximumAgeNanoseconds: UInt64 = 30_000_000_000

    // One is enough: a connection's requests carry the same token, but for proxies that mix clients, which then ask
    // more often.
    private var kept: Kept?

    /// The grant kept under `key` if it is known and still good.
    func grant(for key: String?, wallNanoseconds now: UInt64) -> Grant? {
        guard let kept, kept.key == key, now < kept.validUntilWallNanoseconds else { return nil }
        return kept.grant
    }

    /// Keeps what the authorizer granted.
    mutating func keep(_ grant: Grant, for key: String?, wallNanoseconds now: UInt64) {
        let latest = now &+ PublishGrants.maximumAgeNanoseconds
        kept = Kept(
            key: key,
            grant: grant,
            validUntilWallNanoseconds: min(
                grant.expiresAtWallNanoseconds ?? latest,
                grant.reusableUntilWallNanoseconds ?? latest,
                latest
            )
        )
    }
}
