import SluiceCore

/// A setting's value, checked.
enum SettingValue: Equatable, Sendable {
    case text(String)
    /// Numbers and bytes.
    case number(Int)
    case onOff(Bool)
    case duration(Duration)
    case list([String])

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
        }
    }
}
