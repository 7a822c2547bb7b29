import Glibc

/// Times as people and programs read them.
enum WallClock {
    /// `2026-03-01T12:30:45.123Z`, for nanoseconds since 1970.
    static func text(nanoseconds: UInt64) -> String {
        var seconds = time_t(clamping: nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return padded(Int(parts.tm_year) + 1_900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
            + padded(Int(parts.tm_mday), 2)
            + "T" + padded(Int(parts.tm_hour), 2) + ":" + padded(Int(parts.tm_min), 2) + ":"
            + padded(Int(parts.tm_sec), 2)
            + "." + padded(Int(nanoseconds / 1_000_000 % 1_000), 3) + "Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
