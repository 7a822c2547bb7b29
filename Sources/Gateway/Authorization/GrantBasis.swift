/// What of a request an ``Authorizer``'s answer to a connect follows from, and thus for which other requests of a
/// connection its grant may stand.
public enum GrantBasis: Sendable, Equatable {
    /// Nothing: every request gets the same grant.
    case nothing
    /// ``ConnectRequest/token``.
    case token
    /// The token, the fields of these names (in lower case) and the peer's address.
    case tokenAndFields([String])
    /// Anything that a ``ConnectRequest`` has.
    case request
}
