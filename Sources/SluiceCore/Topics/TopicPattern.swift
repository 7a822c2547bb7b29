import Glibc

/// A set of topics, as an authorizer's rules name it: `+` stands for one level, a final `#` for all the levels that are left
/// (MQTT 3.1.1, section 4.7.1).
///
/// Patterns and topics are compared byte by byte (section 1.5.3), never by what looks alike.
public struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was written.
    public let bytes: ByteString
    /// Where its wildcards stand.
    private let wildcards: [Int]

    /// The pattern as a `String`, for messages.
    public var text: String { bytes.string }

    /// Parses a pattern.
    /// - Throws: ``TopicError`` when a wildcard doesn't stand alone on its level or `#` isn't last.
    public init(_ text: String) throws(TopicError) {
        guard !text.isEmpty, text.utf8.count <= Limits.topicBytes else {
            throw TopicError(
                .length,
                "A topic pattern has 1 to \(Limits.topicBytes) bytes, not \(text.utf8.count)."
            )
        }
        // It stands for what isn't text: two names that differ there would be one.
        guard !text.utf8.containsReplacementCharacter else {
            throw TopicError(
                .notText,
                "The topic pattern '\(text.printable(limit: 80))' is not valid: it contains U+FFFD."
            )
        }
        self.init(unchecked: ByteString(text))
        let isValid = bytes.withUTF8 { bytes in
            wildcards.allSatisfy { place in
                let isLast = place == bytes.count - 1
                return (place == 0 || bytes[place - 1] == slash)
                    && (isLast || (bytes[place] == UInt8(ascii: "+") && bytes[place + 1] == slash))
            }
        }
        guard isValid else {
            throw TopicError(
                .wildcard,
                "The topic pattern '\(text.printable(limit: 80))' is not valid: '+' must fill a level and '#' must be the last one."
            )
        }
    }

    /// The pattern that every topic matches.
    public static let everything = TopicPattern(unchecked: "#")

    private init(unchecked text: ByteString) {
        bytes = text
        wildcards = text.utf8.enumerated().filter { $1 == UInt8(ascii: "+") || $1 == UInt8(ascii: "#") }.map(\.offset)
    }

    /// Whether `topic` is one of the pattern's topics.
    ///
    /// One pass over both, without splitting either: a grant may have a thousand patterns and a batch a thousand topics.
    public func matches(_ topic: Topic) -> Bool {
        wildcards.withUnsafeBufferPointer { wildcards in
            bytes.withUTF8 { pattern in topic.bytes.withUTF8 { TopicPattern.matches(pattern, wildcards, $0) } }
        }
    }

    /// The pattern as it was written.
    public var description: String { text }

    /// What stands between two wildcards, slashes included, must stand in the topic as it is.
    private static func matches(
        _ pattern: UnsafeBufferPointer<UInt8>,
        _ wildcards: UnsafeBufferPointer<Int>,
        _ topic: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        var (place, start) = (0, 0)
        for wildcard in wildcards {
            let literal = wildcard - place
            let left = topic.count - start
            if pattern[wildcard] == UInt8(ascii: "#") {
                // "orders/#" also names "orders" itself (MQTT 3.1.1, section 4.7.1.2).
                let count = left == literal - 1 ? left : literal
                return left >= count && areSame(pattern, place, topic, start, count)
            }
            guard left >= literal, areSame(pattern, place, topic, start, literal) else { return false }
            start = endOfLevel(topic, start + literal)
            place = wildcard + 1
        }
        let literal = pattern.count - place
        return topic.count - start == literal && areSame(pattern, place, topic, start, literal)
    }
}

private let slash = UInt8(ascii: "/")

/// Whether `count` bytes are the same; a call of `memcmp` is worth it only for more than a few.
@inline(__always)
private func areSame(
    _ left: UnsafeBufferPointer<UInt8>,
    _ leftStart: Int,
    _ right: UnsafeBufferPointer<UInt8>,
    _ rightStart: Int,
    _ count: Int
) -> Bool {
    if count > 16, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
        return memcmp(leftBase + leftStart, rightBase + rightStart, count) == 0
    }
    for offset in 0..<count where left[leftStart + offset] != right[rightStart + offset] { return false }
    return true
}

/// Where the level that goes on at `start` ends.
@inline(__always)
private func endOfLevel(_ topic: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var index = start
    let near = min(topic.count, start + 16)
    while index < near {
        if topic[index] == slash { return index }
        index += 1
    }
    guard index < topic.count, let base = topic.baseAddress else { return index }
    guard let found = memchr(base + index, Int32(slash), topic.count - index) else { return topic.count }
    return UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
}
