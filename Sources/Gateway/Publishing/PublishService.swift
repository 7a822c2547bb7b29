import ChangeQueue
import SluiceCore
import StageLatency

/// What the publish handlers of all connections need.
///
/// Narrower than ``GatewayContext``, so that tests need no log.
struct PublishService: Sendable {
    /// The log's id, part of every record id.
    let logID: UInt32
    /// Limits and time-outs.
    let limits: HTTPLimits
    /// Decides who may publish.
    let authorizer: any Authorizer
    /// Everything for everyone, when that is the rule: then no publish waits for the authorizer, not even a
    /// connection's first.
    let openGrant: Grant?
    /// The cookie that may carry a client's token.
    var tokenCookie: String?
    /// What of a request the authorizer's answer follows from.
    let basis: GrantBasis
    /// What every head must keep to.
    let rules: HeadRules
    /// What all clients together may hold.
    let budgets: ByteBudgets
    /// What each of them may do; nil: whatever it likes.
    var limiter: ClientLimiter?
    /// Counts answers.
    let counters: HTTPCounters
    /// Tells of publishes and of what is refused.
    let accessLog: AccessLog
    /// `StageClock`'s time, outside tests.
    let now: @Sendable () -> UInt64
    /// Called on the event loop for each append that was committed: accepted, the records.
    let committed: @Sendable (_ acceptedAtNanoseconds: UInt64, _ records: [AppendedRecord]) -> Void

    /// The service of a running gateway.
    init(_ context: GatewayContext, rules: HeadRules, counters: HTTPCounters) {
        logID = context.logID
        limits = context.configuration.http
        authorizer = context.authorizer
        openGrant = authorizer is AllowAllAuthorizer ? .everything : nil
        basis = authorizer.basis
        tokenCookie = context.configuration.webSocket.tokenCookie
        self.rules = rules
        budgets = context.budgets
        limiter = context.limiter
        self.counters = counters
        accessLog = context.accessLog
        now = { StageClock.nowNanoseconds() }
        let measures = context.measures
        committed = { accepted, records in
            measures.committed(acceptedAtNanoseconds: accepted, records.last)
        }
    }

    /// A service made of parts.
    init(
        logID: UInt32,
        limits: HTTPLimits,
        authorizer: any Authorizer,
        rules: HeadRules,
        budgets: ByteBudgets,
        counters: HTTPCounters,
        accessLog: AccessLog = .off,
        now: @escaping @Sendable () -> UInt64,
        committed: @escaping @Sendable (UInt64, [AppendedRecord]) -> Void
    ) {
        self.logID = logID
        self.limits = limits
        self.authorizer = authorizer
        openGrant = authorizer is AllowAllAuthorizer ? .everything : nil
        basis = authorizer.basis
        self.rules = rules
        self.budgets = budgets
        self.counters = counters
        self.accessLog = accessLog
        self.now = now
        self.committed = committed
    }
}
