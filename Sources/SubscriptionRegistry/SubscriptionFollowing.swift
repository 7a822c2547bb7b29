public import SluiceCore

/// The registry as one publisher follows it: which gateways there are, and which have subscribers of a topic.
///
/// Used on one thread.
public protocol SubscriptionFollowing: AnyObject {
    /// Follows what was committed since the last call: what a gateway has committed before is seen by it, which is the publisher's half of the
    /// subscribe barrier (docs/decisions/resolve-then-expand.md).
    ///
    /// When nothing was, it costs little, so that it may be called for each batch. Now and then it also removes the gateways whose lease has lapsed.
    /// - Returns: whether a gateway or a topic has changed.
    /// - Throws: ``RegistryError`` when the registry can't be read. What was known before stays.
    @discardableResult
    func refresh() throws(RegistryError) -> Bool

    /// The gateways with a subscriber, for each of the topics of a batch.
    func gateways(for topics: [Topic]) -> [[GatewayID]]

    /// The gateways that the registry holds, oldest first.
    var liveGateways: [GatewayRow] { get }

    /// Where publishers keep their rows.
    var publishers: any PublisherRecording { get }
}

/// Keeps publishers' rows in the registry.
///
/// Any thread may call; a call may wait for whoever writes the registry, so an event loop doesn't.
public protocol PublisherRecording: Sendable {
    /// Writes a publisher's row with a new lease, and removes the rows of publishers whose lease has lapsed.
    ///
    /// To be called at the start and then every ``RegistryConfiguration/renewalNanoseconds``.
    /// - Throws: ``RegistryError`` when the registry can't be written.
    func renew(_ publisher: PublisherRow) throws(RegistryError)

    /// Removes a publisher's row, at its end.
    /// - Throws: ``RegistryError`` when the registry can't be written.
    func remove(publisher id: String) throws(RegistryError)
}
