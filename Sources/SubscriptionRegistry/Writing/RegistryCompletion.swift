public import SluiceCore

/// The answer to one subscribe request.
public struct RegistryCompletion: Sendable {
    /// The connection that asked.
    public let connection: ConnectionID
    /// The number that the caller gave the request, such as its event loop's, so that the answers of one commit can be handed over together.
    public let lane: Int
    /// Success: the interest is committed, and every record published from now on is resolved to this gateway.
    ///
    /// Failure: nothing was subscribed.
    public let result: Result<Void, RegistryError>
    let then: @Sendable (Result<Void, RegistryError>) -> Void

    /// Calls the closure that the request came with.
    public func perform() { then(result) }
}
