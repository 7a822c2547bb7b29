import Crypto
public import SluiceCore

/// What an authorizer found out about a client when it connected, kept for as long as the connection lives.
public struct Grant: Sendable, CustomStringConvertible {
    /// Who the client is, for logs and the registry; nil when nobody knows.
    public var principal: String? {
        didSet {
            asker = nil
            principalID = PrincipalID(principal)
        }
    }
    /// On whose account what it publishes goes.
    private(set) var principalID: PrincipalID
    /// When the grant ends, nanoseconds of the wall clock since 1970; nil for never.
    ///
    /// A WebSocket is then closed with 4402, an HTTP request on a kept-alive connection asks the authorizer again.
    public var expiresAtWallNanoseconds: UInt64?
    /// The topics that may be subscribed to.
    public var subscribe: [TopicPattern]
    /// The topics that may be published to.
    public var publish: [TopicPattern]
    /// The actions for which the patterns aren't the last word: what they don't allow, the authorizer is asked.
    public var asksFor: Set<TopicAction>
    /// The client's token, for an authorizer that passes it on to a back end.
    ///
    /// It is a secret: never log it.
    public var token: String? { didSet { asker = nil } }
    /// Until when further requests of the connection may share the grant, nanoseconds of the wall clock since 1970; nil for as long as it
    /// lasts.
    public var reusableUntilWallNanoseconds: UInt64?
    /// How the webhook's questions about this client are kept; nil when another authorizer made the grant, or changed it.
    var asker: GrantedAsker?

    /// Makes a grant; by default it allows nothing and never ends.
    public init(
        principal: String? = nil,
        expiresAtWallNanoseconds: UInt64? = nil,
        subscribe: [TopicPattern] = [],
        publish: [TopicPattern] = [],
        asksFor: Set<TopicAction> = [],
        token: String? = nil
    ) {
        self.principal = principal
        principalID = PrincipalID(principal)
        self.expiresAtWallNanoseconds = expiresAtWallNanoseconds
        self.subscribe = subscribe
        self.publish = publish
        self.asksFor = asksFor
        self.token = token
    }

    /// Everything, for everyone, for ever.
    public static let everything = Grant(subscribe: [.everything], publish: [.everything])

    /// Whether the patterns allow `action` on `topic`.
    public func allows(_ action: TopicAction, _ topic: Topic) -> Bool {
        let patterns = action == .subscribe ? subscribe : publish
        return patterns.contains { $0.matches(topic) }
    }

    /// Whether the grant has ended at `wallNanoseconds` since 1970.
    public func hasExpired(atWallNanoseconds wallNanoseconds: UInt64) -> Bool {
        guard let expiresAtWallNanoseconds else { return false }
        return expiresAtWallNanoseconds <= wallNanoseconds
    }

    /// Whose grant it is, without the token.
    public var description: String {
        "Grant(principal: \(principal?.printable(limit: 80) ?? "none"), subscribe: \(subscribe), publish: \(publish))"
    }
}

extension PrincipalID {
    /// The id of a principal by its name: the first eight bytes of its SHA-256, so that nobody can choose a name that has
    /// another's.
    init(_ name: String?) {
        guard let name else {
            self = .anonymous
            return
        }
        let digest = SHA256.hash(data: Array(name.utf8))
        let number = digest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        self.init(max(number, PrincipalID.server.rawValue + 1))
    }
}
