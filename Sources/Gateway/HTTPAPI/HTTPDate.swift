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

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func format(_ wallSeconds: UInt64) -> [UInt8] {
        // Days are counted from 1 March of year 0, so that the leap day is a year's last (proleptic Gregorian
        // calendar).
        let days = Int(truncatingIfNeeded: wallSeconds / 86_400)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let time = Int(truncatingIfNeeded: wallSeconds % 86_400)
        let clock = "\(two(time / 3_600)):\(two(time / 60 % 60)):\(two(time % 60))"
        return Array("\(weekdays[days % 7]), \(two(day)) \(months[month - 1]) \(year) \(clock) GMT".utf8)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}
