import ChangeQueue
import SluiceCore

/// What retention says about the log, as a value: which of the oldest records are to be trimmed.
struct Retention: Sendable {
    /// The figures that it decides by.
    struct State: Sendable {
        /// When the oldest record was accepted, wall clock, nanoseconds.
        var oldestAcceptedAtNanoseconds: UInt64
        /// Records in the log.
        var records: Int
        /// Bytes of the pages that hold them.
        var bytes: Int
        /// The wall clock, nanoseconds.
        var nowNanoseconds: UInt64
    }

    /// Age at which a record is trimmed, nanoseconds.
    let ageNanoseconds: UInt64
    /// Bytes of the log's pages above which the oldest records are trimmed.
    let bytes: Int

    /// Most records that one transaction trims: a longer one would hold up appends.
    static let maximumTrimmedAtOnce = 1_000

    init(age: Duration, bytes: Int) {
        ageNanoseconds = age.wholeNanoseconds
        self.bytes = bytes
    }

    /// Whether a record accepted at that time is too old.
    ///
    /// A record from the future (the clock was set back) isn't.
    func isExpired(acceptedAtNanoseconds: UInt64, nowNanoseconds: UInt64) -> Bool {
        nowNanoseconds >= acceptedAtNanoseconds && nowNanoseconds - acceptedAtNanoseconds > ageNanoseconds
    }

    /// How many of the oldest records go because of the log's size, by their average size.
    func excessRecords(_ state: State) -> Int {
        guard state.records > 0, state.bytes > bytes else { return 0 }
        let average = max(state.bytes / state.records, 1)
        return min((state.bytes - bytes + average - 1) / average, state.records)
    }

    /// Whether anything is to be trimmed.
    func isDue(_ state: State) -> Bool {
        guard state.records > 0 else { return false }
        return state.bytes > bytes
            || isExpired(acceptedAtNanoseconds: state.oldestAcceptedAtNanoseconds, nowNanoseconds: state.nowNanoseconds)
    }
}
