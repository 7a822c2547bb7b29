import NIOHTTP1
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

/// What two requests of a connection must have in common so that the grant of one is the grant of the other: all that
/// the authorizer looked at, compared by bytes.
struct GrantKey: Equatable {
    private enum Credentials: Equatable {
        case none
        case authorization([UInt8])
        /// The whole query, and the cookies where they count: they may carry the token.
        case query([UInt8])
    }

    private let credentials: Credentials
    private let rest: [ByteString]
    /// Who sent it, where that counts: a proxy's connection is many clients'.
    private let client: ClientAddress
    /// Whether nothing but the token counts, so that other fields needn't be looked at.
    private let isTokenAlone: Bool

    /// The key of a request for an authorizer whose answers follow from `basis`.
    ///
    /// `client`: who sent it, which counts unless the answer follows from the token alone; `cookie`: the one that may carry the token.
    init(
        _ basis: GrantBasis,
        _ head: HTTPRequestHead,
        from client: ClientAddress = .unknown,
        cookie: String? = nil
    ) {
        isTokenAlone = basis == .token
        switch basis {
        case .nothing:
            credentials = .none
            rest = []
            self.client = .unknown
        case .token:
            credentials = GrantKey.credentials(of: head, cookie)
            rest = []
            self.client = .unknown
        case .tokenAndFields(let names):
            let names = names.map { (name: String) in ByteString(name).lowercasedASCII }
            credentials = GrantKey.credentials(of: head, cookie)
            self.client = client
            rest = head.headers.flatMap { name, value in
                let name = ByteString(name).lowercasedASCII
                return names.contains(name) ? [name, ByteString(value)] : []
            }
        case .request:
            credentials = .none
            self.client = client
            rest = [ByteString(head.uri)] + head.headers.flatMap { [ByteString($0.name), ByteString($0.value)] }
        }
    }

    /// Whether it is the key of whoever sends this Authorization field, whatever else the request has.
    ///
    /// Never so where other fields count: that the kept request had none of them doesn't say that this one has none.
    func isAuthorization(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard isTokenAlone, case .authorization(let kept) = credentials else { return false }
        return kept.withUnsafeBytes { $0.elementsEqual(bytes) }
    }

    private static func credentials(of head: HTTPRequestHead, _ cookie: String?) -> Credentials {
        // As the token is looked for: a field of another scheme, such as a proxy's own, names nobody.
        if let value = head.headers.first(name: "authorization"), ConnectRequest.isBearer(value) {
            return .authorization(Array(value.utf8))
        }
        let query = RequestTarget.query(of: head.uri).map { Array($0.utf8) }
        let cookies = cookie == nil ? [] : head.headers["cookie"]
        guard query != nil || !cookies.isEmpty else { return .none }
        // All fields that there are: which of them counts is decided where the token is looked for.
        return .query(cookies.reduce(into: query ?? []) { $0 += [0] + Array($1.utf8) })
    }
}
