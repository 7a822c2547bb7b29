public import SluiceCore

/// An error that a client is told, on whatever wire.
public typealias APIError = CodedError<APIErrorCode>

extension CodedError where Code == APIErrorCode {
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
