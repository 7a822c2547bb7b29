public import SluiceCore

/// The registry as one gateway writes it: who is connected to it, and subscribed to what.
///
/// Every call but ``start()`` and ``close()`` may come from any thread and returns at once. The calls for one connection take effect in the order
/// they were made.
public protocol SubscriptionDirectory: AnyObject, Sendable {
    /// Registers the gateway, removes what its earlier runs and gateways whose lease has lapsed have left, and keeps the lease from then on.
    ///
    /// What was handed over before is written now.
    /// - Throws: ``RegistryError`` when the registry can't be opened or written.
    func start() throws(RegistryError)

    /// Sets what is called, on any thread, when the gateway is registered again after the registry had lost it: a publisher may have retired records
    /// without it, and its clients have to be brought up from the log.
    func whenRegisteredAgain(_ body: @escaping @Sendable () -> Void)

    /// A client has connected.
    func connected(_ id: ConnectionID, principal: String?, remoteAddress: String)

    /// A client subscribes to topics.
    ///
    /// `then` is the barrier (docs/decisions/resolve-then-expand.md): once it is called with success, every publisher that looks at the registry
    /// finds this gateway for these topics. A failure leaves the connection as it was before the request.
    /// - Parameters:
    ///   - id: the connection, for which ``connected(_:principal:remoteAddress:)`` was called.
    ///   - topics: what it wants; those that it has already are no matter.
    ///   - then: called once, on any thread, for a refused request perhaps before this returns.
    func subscribe(
        _ id: ConnectionID,
        topics: [Topic],
        then: @escaping @Sendable (Result<Void, RegistryError>) -> Void
    )

    /// A client unsubscribes from topics.
    func unsubscribe(_ id: ConnectionID, topics: [Topic])

    /// A client is gone, with all its subscriptions.
    func disconnected(_ id: ConnectionID)

    /// The gateway listens at other addresses than its row says, such as ports that the system chose.
    func listening(at httpAddress: String, operations: String)

    /// Why the registry can't be written now; nil when it can.
    var fault: RegistryError? { get }

    /// Waits until everything that was handed over before is committed.
    /// - Throws: ``RegistryError`` when it can't be, or the directory is closed.
    func flush() async throws(RegistryError)

    /// Removes the gateway from the registry with everything it wrote. What is handed over later is refused.
    func close() async
}
