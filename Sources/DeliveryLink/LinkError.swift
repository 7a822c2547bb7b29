/// An error of a delivery link: a code for programs, a message for people that says what was wrong and what to do.
public struct LinkError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public let code: LinkErrorCode
    /// What was wrong, with which value, and what to do.
    public let message: String

    /// Makes an error.
    public init(_ code: LinkErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
