import ChangeQueue
import SluiceCore

/// The ``QueueAttributes`` as the operations take them.
struct LeaseRules: Sendable {
    /// What comes first, and how long what is given back waits.
    let receiveMode: ReceiveMode
    /// How long a record is hidden, nanoseconds.
    let visibilityNanoseconds: UInt64
    /// Records that may be handed out and not retired.
    let maximumInFlight: UInt64
    /// The wait after the first attempt of a push, nanoseconds.
    let retryMinimumNanoseconds: UInt64
    /// The longest wait after an attempt of a push, nanoseconds.
    let retryMaximumNanoseconds: UInt64

    init(_ attributes: QueueAttributes) {
        receiveMode = attributes.receiveMode
        visibilityNanoseconds = max(attributes.visibilityTimeout.wholeNanoseconds, 1_000_000)
        maximumInFlight = UInt64(clamping: max(attributes.maximumInFlight, 1))
        retryMinimumNanoseconds = attributes.retryMinimum.wholeNanoseconds
        retryMaximumNanoseconds = max(attributes.retryMaximum.wholeNanoseconds, retryMinimumNanoseconds)
    }

    /// When what is received now is visible again by itself.
    func visibleAt(_ nowNanoseconds: UInt64) -> UInt64 { nowNanoseconds.saturatingAdd(visibilityNanoseconds) }

    /// The wait after so many attempts of a push: doubling, up to the longest one.
    func backoffNanoseconds(attempts: UInt32) -> UInt64 {
        let doublings = min(attempts == 0 ? 0 : attempts - 1, 40)
        let (wait, overflows) = retryMinimumNanoseconds.multipliedReportingOverflow(by: 1 << UInt64(doublings))
        return overflows ? retryMaximumNanoseconds : min(wait, retryMaximumNanoseconds)
    }
}
