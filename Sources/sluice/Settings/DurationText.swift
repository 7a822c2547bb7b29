/// Durations as people write them.
enum DurationText {
    // The long names first: "ms" ends with "s" too.
    private static let units: [(name: String, milliseconds: Int)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `250ms`, `30s`, `5m`, `24h`, `7d`, or `0`; nil for anything else.
    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        for unit in units where text.hasSuffix(unit.name) {
            guard let count = Int(text.dropLast(unit.name.count)), count >= 0 else { return nil }
            let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
            return overflow ? nil : .milliseconds(milliseconds)
        }
        return nil
    }

    /// The shortest exact form, in milliseconds.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = Int(clamping: seconds) &* 1_000 &+ Int(attoseconds / 1_000_000_000_000_000)
        if milliseconds == 0 { return "0" }
        for unit in units.reversed() where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }

    /// For tables: the age of something.
    static func rounded(seconds: Double) -> String {
        switch seconds {
        case ..<1: "\(Int((seconds * 1_000).rounded())) ms"
        case ..<120: "\((seconds * 10).rounded() / 10) s"
        case ..<7_200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3_600)) h"
        default: "\(Int(min(seconds, 1e12) / 86_400)) d"
        }
    }
}
