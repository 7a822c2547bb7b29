public import SluiceCore
public import SubscriptionRegistry

/// The answer to one subscribe request.
public struct RegistryCompletion: Sendable {
    /// The connection that asked.
    public let connection: ConnectionID
    /// Success: the interest is committed, and every record published from now on is resolved to this gateway.
    ///
    /// Failure: nothing was subscribed.
    public let result: Result<Void, RegistryError>
    let then: @Sendable (Result<Void, RegistryError>) -> Void

    /// Calls the closure that the request came with.
    public func perform() { then(result) }
}
