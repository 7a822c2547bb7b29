import QueueEngine
import SQSProtocol
import SluiceCore

/// An error as SNS's clients know it (API reference, "Common Errors" and each action's errors).
package struct SNSError: Error, Equatable, Sendable {
    /// The error's name.
    let code: String
    /// What was wrong and what to do.
    package let message: String

    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }

    static func invalid(_ message: String) -> SNSError { SNSError("InvalidParameter", "Invalid parameter: \(message)") }

    /// The one place where an error of topics and queues becomes one of SNS's.
    init(_ error: QueueError) {
        switch error.code {
        case .noSuchTopic, .noSuchQueue: self.init("NotFound", error.message)
        case .full, .storage: self.init("InternalError", error.message)
        case .unavailable: self.init("ServiceUnavailable", error.message)
        case .overLimit: self.init("LimitExceeded", error.message)
        default: self = .invalid(error.message)
        }
    }

    /// What reading a request found, in the words of the protocol that it shares with SQS.
    init(_ error: SQSError) {
        switch error.shape {
        case "SerializationException": self.init(error.shape, error.message)
        default: self = .invalid(error.message)
        }
    }

    /// The same error with the name that it has for one of the actions.
    func named(_ code: String, insteadOf old: String) -> SNSError {
        ByteString(self.code) == ByteString(old) ? SNSError(code, message) : self
    }

    /// Whether it is the server's fault: clients try again.
    var isServerFault: Bool { ["InternalError", "ServiceUnavailable"].contains(code) }

    /// The HTTP status as SNS's.
    package var status: Int {
        switch code {
        case "NotFound": 404
        case "AuthorizationError", "LimitExceeded", "TopicLimitExceeded", "SubscriptionLimitExceeded": 403
        case "InternalError": 500
        case "ServiceUnavailable": 503
        default: 400
        }
    }

    /// The value of `x-amzn-query-error`.
    var queryError: String { "\(code);\(isServerFault ? "Receiver" : "Sender")" }

    /// The body.
    var json: [UInt8] {
        JSONWriter.object { json in
            json.member("__type", "com.amazonaws.sns#\(code)")
            json.member("message", message)
        }
    }
}
