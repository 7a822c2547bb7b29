import ChangeQueue
import SluiceCore

/// How many topics each principal has begun, and how fast it may begin new ones, as a value.
///
/// The rate is the generic cell rate algorithm (ITU-T I.371): one time a principal, when its bucket will be full again.
struct TopicQuotas {
    /// What one principal may; by default everything.
    struct Limits: Sendable {
        /// Topics in the table that one principal has begun.
        var topics = Int.max
        /// New topics a second in the long run; 0: no limit.
        var perSecond = 0

        /// New topics that may come at once after a silence: those of 100 seconds, and never less than a batch has.
        var burst: Int { max(min(perSecond, 1_000_000_000) * 100, Limits.minimumBurst) }
        var isNone: Bool { topics == .max && perSecond == 0 }

        private static let minimumBurst = 1_000
    }

    private struct Share {
        var topics = 0
        /// When the bucket is full again, nanoseconds of the monotonic clock.
        var fullAtNanoseconds: UInt64 = 0
    }

    let limits: Limits
    private let intervalNanoseconds: UInt64
    private let burstNanoseconds: UInt64
    private var shares: [PrincipalID: Share] = [:]
    private var pruneAt = TopicQuotas.minimumPruned

    private static let minimumPruned = 1_024

    init(_ limits: Limits) {
        self.limits = limits
        intervalNanoseconds = limits.perSecond > 0 ? 1_000_000_000 / UInt64(limits.perSecond) : 0
        burstNanoseconds = intervalNanoseconds &* UInt64(limits.burst)
    }

    /// Principals that something is known of.
    var count: Int { shares.count }

    /// Topics in the table that `principal` has begun.
    func topics(of principal: PrincipalID) -> Int { shares[principal]?.topics ?? 0 }

    /// Counts a new topic of `principal`.
    /// - Returns: why it may not have one; then nothing is counted.
    mutating func take(_ principal: PrincipalID, nowNanoseconds now: UInt64) -> AppendRefusal? {
        guard isLimited(principal) else { return nil }
        var share = shares[principal] ?? Share()
        guard share.topics < limits.topics else { return .principalTopics }
        if intervalNanoseconds > 0 {
            let fullAt = max(share.fullAtNanoseconds, now) &+ intervalNanoseconds
            guard fullAt &- now <= burstNanoseconds else { return .topicRate }
            share.fullAtNanoseconds = fullAt
        }
        share.topics += 1
        shares[principal] = share
        if shares.count > pruneAt { prune(now) }
        return nil
    }

    /// The topic was not stored after all: neither the quota nor the rate counts it.
    mutating func takeBack(_ principal: PrincipalID) {
        guard isLimited(principal), var share = shares[principal] else { return }
        share.topics -= 1
        share.fullAtNanoseconds -= min(intervalNanoseconds, share.fullAtNanoseconds)
        shares[principal] = share.topics > 0 || intervalNanoseconds > 0 ? share : nil
    }

    /// The topic is out of the table.
    mutating func giveBack(_ principal: PrincipalID) {
        guard isLimited(principal), let share = shares[principal] else { return }
        shares[principal]?.topics = max(share.topics - 1, 0)
        if share.topics <= 1, intervalNanoseconds == 0 { shares[principal] = nil }
    }

    private func isLimited(_ principal: PrincipalID) -> Bool { principal != .server && !limits.isNone }

    /// Forgets principals that are as one who was never here; each entry is looked at once in as many that are added.
    private mutating func prune(_ now: UInt64) {
        shares = shares.filter { $0.value.topics > 0 || $0.value.fullAtNanoseconds > now }
        pruneAt = max(shares.count * 2, TopicQuotas.minimumPruned)
    }
}
