import ChangeQueue
import SluiceCore

/// Decides when a batch has gathered enough: count, bytes, or the window after its first record.
///
/// A value; time is passed in.
struct BatchWindow {
    /// The next step for the gathered records.
    enum Decision: Equatable {
        /// Nothing has gathered.
        case empty
        /// The batch leaves now.
        case ship
        /// It may still grow until this time, nanoseconds of `StageClock`.
        case wait(untilNanoseconds: UInt64)
    }

    let maximumRecords: Int
    let maximumBytes: Int
    let windowNanoseconds: UInt64
    private(set) var records: [ReceivedRecord] = []
    private var bytes = 0
    private var firstAtNanoseconds: UInt64 = 0

    init(maximumRecords: Int, maximumBytes: Int, windowNanoseconds: UInt64) {
        self.maximumRecords = max(1, maximumRecords)
        self.maximumBytes = max(1, maximumBytes)
        self.windowNanoseconds = windowNanoseconds
    }

    /// How many records a receive may still bring.
    var roomRecords: Int { bytes >= maximumBytes ? 0 : maximumRecords - records.count }

    /// How many bytes a receive may still bring.
    var roomBytes: Int { max(0, maximumBytes - bytes) }

    /// Adds what was received.
    mutating func gather(_ received: [ReceivedRecord], nowNanoseconds: UInt64) {
        if records.isEmpty { firstAtNanoseconds = nowNanoseconds }
        records.append(contentsOf: received)
        for one in received { bytes += one.record.bytes.count }
    }

    /// Whether the batch leaves.
    func decide(nowNanoseconds: UInt64) -> Decision {
        if records.isEmpty { return .empty }
        let (deadline, overflow) = firstAtNanoseconds.addingReportingOverflow(windowNanoseconds)
        if roomRecords <= 0 || overflow || nowNanoseconds >= deadline { return .ship }
        return .wait(untilNanoseconds: deadline)
    }

    /// Removes the batch and starts the next one.
    mutating func removeBatch() -> [ReceivedRecord] {
        defer {
            records = []
            bytes = 0
        }
        return records
    }
}

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
