import Glibc

/// The `Date` field (RFC 9110, section 5.6.7), made anew only when the second changes.
struct HTTPDate {
    private var seconds: UInt64 = .max
    private var bytes: [UInt8] = []

    /// The text for a moment, seconds since 1970.
    mutating func text(wallSeconds: UInt64) -> [UInt8] {
        if wallSeconds != seconds {
            seconds = wallSeconds
            bytes = HTTPDate.format(wallSeconds)
        }
        return bytes
    }

    private static func format(_ wallSeconds: UInt64) -> [UInt8] {
        var seconds = time_t(clamping: wallSeconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        // The process keeps the C locale, whose names are those of the field.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = strftime(text.baseAddress, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            return text.prefix(count).map(UInt8.init(bitPattern:))
        }
    }
}
