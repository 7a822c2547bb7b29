import QueueEngine

/// How a request to an endpoint ended.
enum EndpointAnswer: Hashable, Sendable {
    /// It answered.
    case status(UInt)
    /// It didn't, or not in time.
    case failed(String)
    /// Nothing was sent: it may not be sent anything, or the message isn't one.
    case refused(String)
    /// This process ends.
    case cancelled
}

/// What becomes of a message after an attempt to deliver it.
enum DeliveryVerdict: Hashable, Sendable {
    /// It is delivered.
    case delivered
    /// It is tried again after so many seconds.
    case retry(seconds: Int)
    /// It can't be delivered, for this reason.
    case giveUp(String)

    /// Judges an attempt, the first one being 1.
    ///
    /// An answer 4xx but 429 says that the same request would fail again (developer guide, "Amazon SNS message delivery retries", client-side
    /// errors); everything else may pass.
    init(_ answer: EndpointAnswer, attempt: Int, policy: DeliveryPolicy) {
        switch answer {
        case .status(200...299): self = .delivered
        case .status(let status) where (400...499).contains(status) && status != 429:
            self = .giveUp("the endpoint answered with status \(status)")
        case .status(let status):
            self = DeliveryVerdict.later("the endpoint answered with status \(status)", attempt, policy)
        case .failed(let reason): self = DeliveryVerdict.later(reason, attempt, policy)
        case .refused(let reason): self = .giveUp(reason)
        case .cancelled: self = .retry(seconds: 0)
        }
    }

    private static func later(_ reason: String, _ attempt: Int, _ policy: DeliveryPolicy) -> DeliveryVerdict {
        policy.delaySeconds(afterAttempt: attempt).map { .retry(seconds: $0) }
            ?? .giveUp("\(reason), as often as it was tried")
    }
}
