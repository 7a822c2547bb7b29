/// Bounds a log line that outside input can cause: at most so many a second, and the next line says how many were left out.
///
/// Whoever can make a process write lines could otherwise fill its disk and hide what matters among them. One value for each kind of line, so
/// that a flood of one kind doesn't silence another.
package struct LogRateLimit: Sendable {
    private static let secondNanoseconds: UInt64 = 1_000_000_000

    private let linesPerSecond: Int
    private var secondStartNanoseconds: UInt64?
    private var lineCount = 0
    private var leftOutCount: UInt64 = 0

    /// A limit that lets the first `linesPerSecond` lines of any second pass.
    package init(linesPerSecond: Int = 1) { self.linesPerSecond = max(1, linesPerSecond) }

    /// Asks for one line.
    /// - Parameter now: any clock's nanoseconds, always the same clock; one that is set back begins a new second.
    /// - Returns: nil when it must be left out, otherwise how many were left out since the last one that was written.
    package mutating func admit(atNanoseconds now: UInt64) -> UInt64? {
        if let start = secondStartNanoseconds, now >= start, now - start < LogRateLimit.secondNanoseconds {
            guard lineCount < linesPerSecond else {
                leftOutCount += 1
                return nil
            }
        } else {
            secondStartNanoseconds = now
            lineCount = 0
        }
        lineCount += 1
        defer { leftOutCount = 0 }
        return leftOutCount
    }
}
