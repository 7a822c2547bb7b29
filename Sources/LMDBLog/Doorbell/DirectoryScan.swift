import ChangeQueue

/// When a directory must be read again, as a value: its time of change says so, but only to the kernel's clock tick.
///
/// A file made in the tick of the last reading would be missed for ever, so a directory that was young then is read
/// again.
struct DirectoryScan {
    private var changedAtNanoseconds: UInt64 = 0
    private var mustRepeat = true

    /// Twice the longest clock tick (100 Hz), with some room.
    private static let tickNanoseconds: UInt64 = 50_000_000

    /// Whether to read the directory now; the answer yes counts as done.
    mutating func isNeeded(changedAtNanoseconds changed: UInt64, nowNanoseconds now: UInt64) -> Bool {
        guard mustRepeat || changed != changedAtNanoseconds else { return false }
        changedAtNanoseconds = changed
        mustRepeat = now < changed || now - changed < DirectoryScan.tickNanoseconds
        return true
    }
}
