import ChangeQueue
import SluiceCore

/// Records that travel together, with the gateways that each one goes to.
struct Batch {
    /// One record and where it goes.
    struct Entry {
        let received: ReceivedRecord
        /// The gateways that have subscribers of its topic and haven't answered for it yet.
        let gateways: [GatewayID]
    }

    /// In the order of the log.
    var entries: [Entry]
    /// When the records were in the publisher's hands, nanoseconds of `StageClock`.
    var receivedAtNanoseconds: UInt64
    /// When the gateways were known, nanoseconds of `StageClock`.
    var resolvedAtNanoseconds: UInt64
}
