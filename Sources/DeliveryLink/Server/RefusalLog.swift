import Logging

/// Keeps a publisher that is refused every few seconds, or a port scanner, from filling the log: one warning a code and
/// minute.
struct RefusalLog {
    private static let quietNanoseconds: UInt64 = 60_000_000_000
    private var warnedAt: [LinkErrorCode: UInt64] = [:]

    /// How loud to be about an error that closed a link.
    mutating func level(for code: LinkErrorCode, nowNanoseconds: UInt64) -> Logger.Level {
        if let last = warnedAt[code], nowNanoseconds &- last < RefusalLog.quietNanoseconds { return .debug }
        warnedAt[code] = nowNanoseconds
        return .warning
    }
}
