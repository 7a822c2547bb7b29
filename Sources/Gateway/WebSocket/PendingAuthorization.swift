/// What a connection asked for while the authorizer asks somebody else.
struct PendingAuthorization {
    /// Who asked.
    let connection: ConnectionKey
    /// For what.
    let request: ClientRequest
}
