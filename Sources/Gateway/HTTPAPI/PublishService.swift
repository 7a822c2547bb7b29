import ChangeQueue
import SluiceCore

/// What the publish handlers of all connections need. Narrower than ``GatewayContext``, so that tests need no log.
struct PublishService: Sendable {
    /// The log's id, part of every record id.
    let logID: UInt32
    /// Limits and time-outs.
    let limits: HTTPLimits
    /// Decides who may publish.
    let authorizer: any Authorizer
    /// Counts answers.
    let counters: HTTPCounters
    /// Called on the event loop for each append that was committed: accepted, the records.
    let committed: @Sendable (_ acceptedAtNanoseconds: UInt64, _ records: [AppendedRecord]) -> Void
}
