/// When a record that its gateway refused is given up: the event-source options that AWS calls MaximumRetryAttempts and MaximumRecordAgeInSeconds
/// (Lambda API reference, "CreateEventSourceMapping").
struct AttemptLimits {
    /// Attempts to deliver a record; 0 for no limit.
    let maximumAttempts: Int
    /// The oldest that a record may be, nanoseconds; 0 for no limit.
    let maximumAgeNanoseconds: UInt64

    /// No limits: for a publisher that has no place for dead letters.
    static let none = AttemptLimits(maximumAttempts: 0, maximumAgeNanoseconds: 0)

    /// Whether a refusal is the last one.
    func areExhausted(receiveCount: Int, acceptedAtNanoseconds: UInt64, nowNanoseconds: UInt64) -> Bool {
        if maximumAttempts > 0, receiveCount >= maximumAttempts { return true }
        guard maximumAgeNanoseconds > 0, nowNanoseconds > acceptedAtNanoseconds else { return false }
        return nowNanoseconds - acceptedAtNanoseconds >= maximumAgeNanoseconds
    }
}
