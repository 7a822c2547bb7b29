package import QueueEngine
import SluiceCore

/// An error as SQS's clients know it (API reference, "Common Error Types" and each action's errors).
///
/// In AWS JSON 1.0 it is the shape's name, and for clients that knew the older Query protocol its code in a header of its own.
package struct SQSError: Error, Equatable, Sendable {
    /// The shape's name.
    package let shape: String
    /// The Query protocol's code, where it is another.
    let queryCode: String
    /// Whether it is the server's fault.
    let isServerFault: Bool
    /// What was wrong and what to do.
    package let message: String

    init(_ shape: String, query: String? = nil, isServerFault: Bool = false, _ message: String) {
        self.shape = shape
        queryCode = query ?? shape
        self.isServerFault = isServerFault
        self.message = message
    }

    static func missing(_ parameter: String) -> SQSError {
        SQSError("MissingParameter", "The request must contain the parameter \(parameter).")
    }

    static func invalid(_ message: String) -> SQSError { SQSError("InvalidParameterValue", message) }

    static func twice(_ key: ByteString, in name: ByteString) -> SQSError {
        .invalid("\(name) has the member \(key.string.printable(limit: 60)) twice.")
    }

    /// The one place where an error of the queues becomes one of AWS's.
    init(_ error: QueueError) {
        let message = error.message
        switch error.code {
        case .noSuchQueue: self.init("QueueDoesNotExist", query: "AWS.SimpleQueueService.NonExistentQueue", message)
        case .queueExists: self.init("QueueNameExists", query: "QueueAlreadyExists", message)
        case .unknownAttribute: self.init("InvalidAttributeName", message)
        case .invalidAttribute: self.init("InvalidAttributeValue", message)
        case .invalidMessage: self.init("InvalidParameterValue", message)
        case .tooLong: self.init("InvalidParameterValue", message)
        case .invalidHandle: self.init("ReceiptHandleIsInvalid", message)
        case .notInFlight: self.init("MessageNotInflight", query: "AWS.SimpleQueueService.MessageNotInflight", message)
        case .overLimit: self.init("OverLimit", message)
        case .purgeInProgress:
            self.init("PurgeQueueInProgress", query: "AWS.SimpleQueueService.PurgeQueueInProgress", message)
        case .noSuchTask, .noSuchTopic: self.init("ResourceNotFoundException", message)
        case .unsupported:
            self.init("UnsupportedOperation", query: "AWS.SimpleQueueService.UnsupportedOperation", message)
        case .full: self.init("InternalFailure", isServerFault: true, message)
        case .unavailable: self.init("ServiceUnavailable", isServerFault: true, message)
        case .storage: self.init("InternalFailure", isServerFault: true, message)
        }
    }

    /// What is wrong with a message.
    package init(_ violation: MessageDraft.Violation) {
        switch violation {
        case .missing(let parameter): self = .missing(parameter)
        case .contents:
            self.init(
                "InvalidMessageContents",
                "The message has characters that aren't allowed: control characters but tab, line feed and carriage return."
            )
        case .invalid(let message): self = .invalid(message)
        }
    }

    /// The HTTP status: 400 for the client's faults, 500 or 503 for the server's, which SDKs try again.
    var status: Int { isServerFault ? (shape == "ServiceUnavailable" ? 503 : 500) : 400 }

    /// The value of `x-amzn-query-error`.
    var queryError: String { "\(queryCode);\(isServerFault ? "Receiver" : "Sender")" }

    /// The body.
    var json: [UInt8] {
        JSONWriter.object { json in
            json.member("__type", "com.amazonaws.sqs#\(shape)")
            json.member("message", message)
        }
    }
}
