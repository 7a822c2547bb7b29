/// An error that a client is told: a code for programs, a message for people that says what was wrong and what to do.
public struct APIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public let code: APIErrorCode
    /// What was wrong, with which value, and what to do.
    public let message: String

    /// Makes an error.
    public init(_ code: APIErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Code and message.
    public var description: String { "\(code.rawValue): \(message)" }

    /// The body of an HTTP answer: `{"error":{"code":"…","message":"…"}}`.
    public var json: [UInt8] {
        var bytes = Array(#"{"error":{"code":""#.utf8)
        bytes.append(contentsOf: code.rawValue.utf8)
        bytes.append(contentsOf: #"","message":"#.utf8)
        JSONText.appendString(message.utf8, to: &bytes)
        bytes.append(contentsOf: "}}".utf8)
        return bytes
    }
}
