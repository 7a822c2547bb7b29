/// A set of topics, as an authorizer's rules name it: `+` stands for one level, a final `#` for all the levels that are left
/// (MQTT 3.1.1, section 4.7.1).
public struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was written.
    public let text: String
    private let levels: [Substring]

    /// Parses a pattern.
    /// - Throws: ``APIError`` with code `InvalidTopic` when a wildcard doesn't stand alone on its level or `#` isn't last.
    public init(_ text: String) throws(APIError) {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        for (index, level) in levels.enumerated() {
            let isWildcard = level == "+" || (level == "#" && index == levels.count - 1)
            if !isWildcard, level.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }) {
                throw APIError(
                    .invalidTopic,
                    "The topic pattern '\(text.printable(limit: 80))' is not valid: '+' must fill a level and '#' must be the last one."
                )
            }
        }
        if text.isEmpty || text.utf8.count > Limits.topicBytes {
            throw APIError(
                .invalidTopic,
                "A topic pattern has 1 to \(Limits.topicBytes) bytes, not \(text.utf8.count)."
            )
        }
        self.text = text
        self.levels = levels
    }

    /// The pattern that every topic matches.
    public static let everything = TopicPattern(unchecked: "#")

    private init(unchecked text: String) {
        self.text = text
        self.levels = text.split(separator: "/", omittingEmptySubsequences: false)
    }

    /// Whether `topic` is one of the pattern's topics.
    public func matches(_ topic: Topic) -> Bool {
        let names = topic.name.split(separator: "/", omittingEmptySubsequences: false)
        for (index, level) in levels.enumerated() {
            if level == "#" { return true }
            guard index < names.count, level == "+" || level == names[index] else {
                // "orders/#" also names "orders" itself (MQTT 3.1.1, section 4.7.1.2).
                return false
            }
            if index == names.count - 1, index == levels.count - 2, levels[index + 1] == "#" { return true }
        }
        return levels.count == names.count
    }

    /// The pattern as it was written.
    public var description: String { text }
}
