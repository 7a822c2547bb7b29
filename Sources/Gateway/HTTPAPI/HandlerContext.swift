public import HTTPTypes
public import Logging
public import SluiceCore

/// What a ``RequestHandler`` knows about its request beside the body.
public struct HandlerContext: Sendable {
    /// The method.
    public let method: HTTPRequest.Method
    /// The path as the client sent it.
    public let path: String
    /// The values of the path's placeholders.
    public let parameters: [ByteString: String]
    /// The query's parameters, the last one where a name stands more than once.
    public let query: [ByteString: String]
    /// The header fields.
    public let headers: HTTPFields
    /// What the authorizer granted; nil for handlers that don't ask it.
    public let grant: Grant?
    /// A logger with the request's id.
    public let logger: Logger
}
