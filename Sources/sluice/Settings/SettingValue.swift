import ChangeQueue
import Gateway
import Logging
import NIOCore
import QueueEngine
import SluiceCore

/// A setting's value, checked.
enum SettingValue: Equatable, Sendable {
    case text(String)
    /// Numbers and bytes.
    case number(Int)
    case onOff(Bool)
    case duration(Duration)
    case list([String])
    case rate(RateLimit)

    /// Reads a value as it is written in a flag, a variable or the file.
    /// - Throws: `InvalidSetting` with what is wrong and what would be right.
    init(_ text: String, _ kind: Setting.Kind) throws(InvalidSetting) {
        switch kind {
        case .text: self = .text(text)
        case .list: self = .list(text.split(separator: ",").map { SettingValue.trimmed($0) })
        case .onOff:
            switch text.lowercased() {
            case "true", "yes", "on", "1": self = .onOff(true)
            case "false", "no", "off", "0": self = .onOff(false)
            default: throw InvalidSetting(text, "true or false")
            }
        case .choice(let names):
            guard names.contains(text) else { throw InvalidSetting(text, "one of \(names.joined(separator: ", "))") }
            self = .text(text)
        case .queue:
            guard PublishersQueue(rawValue: text) != nil else {
                throw InvalidSetting(
                    text,
                    "sqs, sns, stream, or a name, at first with one of these behind a colon (orders:stream)"
                )
            }
            self = .text(text)
        case .queueName:
            guard QueueID.messageQueue(named: text) != nil else {
                throw InvalidSetting(
                    text,
                    "a queue's name: 1 to 80 letters, digits, '-' and '_', a FIFO queue's with .fifo at its end"
                )
            }
            self = .text(text)
        case .rate:
            guard let rate = SettingValue.rate(text, { Int($0) }) else {
                throw InvalidSetting(
                    text,
                    "a number a second, such as 100, or with a burst, such as 100:500, or 0 for no limit"
                )
            }
            self = .rate(rate)
        case .byteRate:
            guard let rate = SettingValue.rate(text, ByteCount.parse) else {
                throw InvalidSetting(
                    text,
                    "bytes a second, such as 64KiB, or with a burst, such as 64KiB:1MiB, or 0 for no limit"
                )
            }
            self = .rate(rate)
        case .number(let range):
            guard let number = Int(text), range.contains(number) else {
                throw InvalidSetting(text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            self = .number(number)
        case .bytes(let range):
            guard let bytes = ByteCount.parse(text), range.contains(bytes) else {
                throw InvalidSetting(
                    text,
                    "a size from \(ByteCount.text(range.lowerBound)) to \(ByteCount.text(range.upperBound)), such as 64KiB or 1MiB"
                )
            }
            self = .number(bytes)
        case .duration(let range):
            guard let duration = DurationText.parse(text), range.contains(duration) else {
                throw InvalidSetting(
                    text,
                    "a duration from \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound)), such as 250ms or 30s"
                )
            }
            self = .duration(duration)
        }
    }

    private static func rate(_ text: String, _ parse: (String) -> Int?) -> RateLimit? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let numbers = parts.compactMap(parse)
        guard (1...2).contains(parts.count), numbers.count == parts.count,
            numbers.allSatisfy({ (0...1_000_000_000_000).contains($0) }), parts.count == 1 || numbers[1] > 0
        else { return nil }
        return RateLimit(perSecond: Double(numbers[0]), burst: parts.count == 2 ? Double(numbers[1]) : nil)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

extension SettingValue {
    /// The value for logs.
    var text: String {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .onOff(let isOn): String(isOn)
        case .duration(let duration): DurationText.text(duration)
        case .list(let list): list.joined(separator: ",")
        case .rate(let rate): "\(Int(rate.perSecond)):\(Int(rate.burst))"
        }
    }
}

/// A value that a setting can't have.
struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ value: String, _ expected: String) {
        description = "'\(value.printable(limit: 80))' is not \(expected)"
    }
}

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

/// What a setting's value can become in a configuration.
protocol SettingConvertible: SendableMetatype {
    init?(_ value: SettingValue)
}

extension String: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .text(let text) = value else { return nil }
        self = text
    }
}

extension Int: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .number(let number) = value else { return nil }
        self = number
    }
}

extension Bool: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .onOff(let isOn) = value else { return nil }
        self = isOn
    }
}

extension Duration: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .duration(let duration) = value else { return nil }
        self = duration
    }
}

extension TimeAmount: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .duration(let duration) = value else { return nil }
        self.init(duration)
    }
}

extension [String]: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .list(let list) = value else { return nil }
        self = list
    }
}

extension Optional: SettingConvertible where Wrapped: SettingConvertible {
    init?(_ value: SettingValue) {
        guard let wrapped = Wrapped(value) else { return nil }
        self = .some(wrapped)
    }
}

extension SettingConvertible where Self: RawRepresentable<String> {
    init?(_ value: SettingValue) {
        guard case .text(let text) = value else { return nil }
        self.init(rawValue: text)
    }
}

extension RateLimit: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .rate(let rate) = value else { return nil }
        self = rate
    }
}

extension QueueID: SettingConvertible {
    init?(_ value: SettingValue) {
        guard case .text(let text) = value else { return nil }
        try? self.init(ByteString(text))
    }
}

extension PublishersQueue: SettingConvertible {}
extension ItemImage: SettingConvertible {}
extension ForwardedField: SettingConvertible {}
extension DemoPage: SettingConvertible {}
extension CertificatePrincipal: SettingConvertible {}
extension AuthorizerConfiguration.Kind: SettingConvertible {}
extension Logger.Level: SettingConvertible {}
extension LogFormat: SettingConvertible {}
