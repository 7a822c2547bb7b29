import ChangeQueue
import SluiceCore

/// When the writer saves heads and trims, as a value: told what happened, it says what is to be done next.
///
/// Between two commits fits one step, and beside a slice of a save the trimming that is due, so that an append never waits for more.
struct LogUpkeep {
    /// What is to be done.
    enum Action: Equatable {
        /// Save one slice of the topics' heads.
        case saveHeads
        /// Trim one slice of records.
        case trim
        /// Forget one slice of the topics that have no records any more.
        case forgetTopics
        /// Free the reader slots of dead processes, whose old views keep trimmed pages from being used again.
        case checkReaders
    }

    private let headSaveRecords: UInt64
    private var unsavedRecords: UInt64 = 0
    private var isSaving = false
    private var lastSave: UInt64
    private var recordsSinceTrim = 0
    private var mayTrimMore = false
    private var lastTrim: UInt64
    private var lastReaderCheck: UInt64
    private var mayForget = false
    /// Whether heads were saved since the last commit: then a trimming that is due has its turn, so that neither waits for the other's end.
    private var hasSavedSinceCommit = false
    /// Whether a slice of topics is forgotten before more is trimmed: under load the two take turns.
    private var isForgettingNext = false

    /// Appended records between two looks at retention.
    private static let trimEveryRecords = Retention.leastTrimmedAtOnce / 2
    private static let trimEveryNanoseconds: UInt64 = 1_000_000_000
    private static let saveWhenIdleNanoseconds: UInt64 = 60_000_000_000
    private static let checkReadersNanoseconds: UInt64 = 30_000_000_000

    init(headSaveRecords: Int, nowNanoseconds: UInt64) {
        self.headSaveRecords = UInt64(max(headSaveRecords, 1))
        lastSave = nowNanoseconds
        lastTrim = nowNanoseconds
        lastReaderCheck = nowNanoseconds
    }

    /// So many records were committed.
    mutating func committed(_ records: Int) {
        unsavedRecords &+= UInt64(records)
        recordsSinceTrim += records
        hasSavedSinceCommit = false
    }

    /// How many records the next trimming takes at most: half as many again as were appended since the last one.
    ///
    /// So it outruns every producer, and takes no longer than the commits did.
    var trimmedAtOnce: Int {
        min(max(recordsSinceTrim / 2 * 3, Retention.leastTrimmedAtOnce), Retention.mostTrimmedAtOnce)
    }

    private var isTrimmingDue: Bool { recordsSinceTrim >= LogUpkeep.trimEveryRecords }

    /// Whether one more step may come between two commits: the trimming beside a save.
    var goesOnUnderLoad: Bool { hasSavedSinceCommit && isTrimmingDue }

    /// The log was read: so many records aren't covered by the saved heads, of whichever process they are.
    mutating func counted(unsavedRecords: UInt64) { self.unsavedRecords = unsavedRecords }

    /// The next step, if one is due.
    ///
    /// `isIdle` is whether no append waits.
    mutating func next(isIdle: Bool, nowNanoseconds: UInt64) -> Action? {
        if isSaving || unsavedRecords >= headSaveRecords, !goesOnUnderLoad { return .saveHeads }
        if mayForget, isIdle || isForgettingNext { return .forgetTopics }
        if isTrimmingDue { return .trim }
        guard isIdle else { return nil }
        if mayTrimMore || elapsed(since: lastTrim, nowNanoseconds) >= LogUpkeep.trimEveryNanoseconds { return .trim }
        if unsavedRecords > 0, elapsed(since: lastSave, nowNanoseconds) >= LogUpkeep.saveWhenIdleNanoseconds {
            return .saveHeads
        }
        return elapsed(since: lastReaderCheck, nowNanoseconds) >= LogUpkeep.checkReadersNanoseconds
            ? .checkReaders : nil
    }

    /// A slice of heads was saved; `isComplete` when it was the last.
    mutating func saved(isComplete: Bool, nowNanoseconds: UInt64) {
        isSaving = !isComplete
        hasSavedSinceCommit = true
        if isComplete {
            unsavedRecords = 0
            lastSave = nowNanoseconds
        }
    }

    /// A slice of records was trimmed, or not.
    mutating func trimmed(_ step: LogTrimmer.Step, nowNanoseconds: UInt64) {
        lastTrim = nowNanoseconds
        recordsSinceTrim = 0
        mayTrimMore = false
        switch step {
        case .nothing: break
        case .trimmed(let count): mayTrimMore = count > 0
        case .needsSavedHeads:
            isSaving = true
            mayTrimMore = true
        }
    }

    /// Whether topics are left that can be forgotten; asked after each trimming, and told by the forgetting itself.
    mutating func forgetting(isDue: Bool, afterTrimming: Bool) {
        mayForget = isDue
        isForgettingNext = isDue && afterTrimming
    }

    /// The readers were checked.
    mutating func checkedReaders(nowNanoseconds: UInt64) { lastReaderCheck = nowNanoseconds }

    /// A step failed: everything waits for its next time, so that a full disk isn't tried without end.
    mutating func failed(nowNanoseconds: UInt64) {
        isSaving = false
        forgetting(isDue: false, afterTrimming: false)
        unsavedRecords = 0
        lastSave = nowNanoseconds
        trimmed(.nothing, nowNanoseconds: nowNanoseconds)
    }

    private func elapsed(since time: UInt64, _ now: UInt64) -> UInt64 { now > time ? now - time : 0 }
}

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

    /// Records that one transaction may trim however few were appended: more would hold up appends.
    static let leastTrimmedAtOnce = 1_000
    /// Most records that one transaction trims.
    static let mostTrimmedAtOnce = 65_536

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
