/// The shape of Sluice's errors: a code for programs, a message for people that says what was wrong, with which value, and what to do.
///
/// Each layer has codes of its own. None knows a status or a close code; where a client is told, the edge of its wire translates.
public struct CodedError<ErrorCode: Equatable & Sendable>: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kinds of error there are.
    public typealias Code = ErrorCode

    /// What kind of error it is.
    public let code: Code
    /// What was wrong, with which value, and what to do.
    public let message: String
    /// When trying again makes sense, where that is known better than by the code, milliseconds from now.
    public var retryAfterMilliseconds: Int?

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}

/// Why a name is no ``Topic``, or a text no ``TopicPattern``.
public typealias TopicError = CodedError<TopicErrorCode>

/// The rule of docs/protocol.md that a topic or a pattern breaks.
public enum TopicErrorCode: Sendable {
    /// Its bytes aren't text: not UTF-8, or with U+FFFD, which stands for what isn't text.
    case notText
    /// It is empty or longer than ``Limits/topicBytes``.
    case length
    /// It contains what a topic may not contain.
    case character
    /// A wildcard doesn't stand alone on its level, or `#` isn't last.
    case wildcard
    /// A template that topics are made from can't be read.
    case template
}

/// Why bytes aren't the JSON that is asked for.
public typealias JSONError = CodedError<JSONErrorCode>

/// What is wrong with JSON.
public enum JSONErrorCode: Sendable {
    /// It isn't JSON in UTF-8 (RFC 8259), or is nested too deep.
    case malformed
    /// An object has more members than the limit.
    case tooManyMembers
    /// A key is longer than ``Limits/jsonKeyBytes``.
    case longKey
    /// A member whose value counts stands there twice.
    case duplicateMember
    /// A key has half of a surrogate pair or U+FFFD, which is no text.
    case notText
}
