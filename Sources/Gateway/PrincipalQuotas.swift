import ChangeQueue

/// What one principal may take of what doesn't come back by itself: items, and places in the table of topics.
///
/// What is nil follows the authorizer: with ``AllowAllAuthorizer``, who knows nobody, there is no quota; with any other
/// the defaults named here. Clients that the authorizer gives no name count as one principal together.
public struct PrincipalQuotas: Sendable {
    /// Bytes of items that one principal may have written last; by default half of what all items may take.
    public var itemsBytes: Int?
    /// Topics that one principal may have begun; by default half of all.
    public var topics: Int?
    /// New topics that one principal may begin a second; by default 1,000.
    ///
    /// 0: no limit.
    public var topicsPerSecond: Int?

    /// The defaults.
    public init() {}

    /// Puts the quotas into the log's configuration.
    func apply(to log: inout ChangeLogConfiguration, knowsPrincipals: Bool) {
        log.principalItemsBytes = itemsBytes ?? (knowsPrincipals ? log.itemsBudgetBytes / 2 : .max)
        log.principalTopics = topics ?? (knowsPrincipals ? log.maximumTopics / 2 : .max)
        log.principalTopicsPerSecond =
            topicsPerSecond ?? (knowsPrincipals ? PrincipalQuotas.standardTopicsPerSecond : 0)
    }

    private static let standardTopicsPerSecond = 1_000
}
