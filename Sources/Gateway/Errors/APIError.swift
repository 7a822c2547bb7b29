public import SluiceCore

/// An error that a client is told, on whatever wire.
public typealias APIError = CodedError<APIErrorCode>

extension CodedError where Code == APIErrorCode {
    /// The body of an HTTP answer: `{"error":{"code":"…","message":"…"}}`.
    public var json: [UInt8] {
        JSONWriter.object { json in
            json.name("error")
            json.object { json in
                json.member("code", code.rawValue)
                json.member("message", message)
            }
        }
    }
}
