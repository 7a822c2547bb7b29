import SluiceCore

/// The grant that a connection's last publish got: the authorizer is asked once for all that are alike, not for each.
struct PublishGrants {
    private struct Kept {
        let key: GrantKey
        let grant: Grant
        let validUntilWallNanoseconds: UInt64
    }

    /// Longest use of a grant without asking the authorizer again, nanoseconds: a revoked token works no longer than
    /// this on a connection.
    static let maximumAgeNanoseconds: UInt64 = 30_000_000_000

    // One is enough: a connection's requests carry the same token, but for proxies that mix clients, for which the
    // authorizer is asked more often.
    private var kept: Kept?

    /// The grant kept under `key` if it is still good.
    func grant(for key: GrantKey, wallNanoseconds now: UInt64) -> Grant? {
        guard let kept, now < kept.validUntilWallNanoseconds, kept.key == key else { return nil }
        return kept.grant
    }

    /// The grant of whoever sends this Authorization field, if the authorizer looked at nothing else.
    func grant(forAuthorization bytes: Slice<UnsafeRawBufferPointer>, wallNanoseconds now: UInt64) -> Grant? {
        guard let kept, now < kept.validUntilWallNanoseconds, kept.key.isAuthorization(bytes) else { return nil }
        return kept.grant
    }

    /// Keeps what the authorizer granted.
    mutating func keep(_ grant: Grant, for key: GrantKey, wallNanoseconds now: UInt64) {
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
