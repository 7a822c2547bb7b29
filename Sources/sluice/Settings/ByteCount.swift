/// Sizes as people write them.
enum ByteCount {
    // The long names first: "KiB" ends with "B" too.
    private static let units: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// `65536`, `64KiB`, `1MiB`, `16GiB` in bytes; nil for anything else.
    static func parse(_ text: String) -> Int? {
        for unit in units where text.hasSuffix(unit.name) {
            guard let count = Int(text.dropLast(unit.name.count)), count >= 0 else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
            return overflow ? nil : bytes
        }
        guard let bytes = Int(text), bytes >= 0 else { return nil }
        return bytes
    }

    /// The shortest exact form.
    static func text(_ bytes: Int) -> String {
        for unit in units where unit.bytes > 1 && bytes >= unit.bytes && bytes % unit.bytes == 0 {
            return "\(bytes / unit.bytes)\(unit.name)"
        }
        return "\(bytes)"
    }

    /// One decimal, for tables.
    static func rounded(_ bytes: UInt64) -> String {
        for unit in units where unit.bytes > 1 && bytes >= UInt64(unit.bytes) {
            let tenths = Int((Double(bytes) / Double(unit.bytes) * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) \(unit.name)"
        }
        return "\(bytes) B"
    }
}
