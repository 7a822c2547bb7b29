/// A record's position in the change log: 64-bit, strictly increasing, never reused.
///
/// Zero stands for "before the first record".
public struct SequenceNumber: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    public let rawValue: UInt64

    /// Wraps a number.
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Wraps a number.
    @inlinable public init(_ value: UInt64) { rawValue = value }

    /// Before the first record of a log, or of a topic.
    public static let none = SequenceNumber(rawValue: 0)

    /// The number after this one; the last number of all stays where it is.
    public var next: SequenceNumber { SequenceNumber(rawValue: rawValue == .max ? .max : rawValue + 1) }

    /// Orders by position in the log.
    @inlinable public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}
