import Foundation
public import HTTPTypes
public import Logging
public import SluiceCore

/// A request handler of the server that embeds the gateway: it processes a request and returns a reply together with
/// changes, which are committed before the reply is sent.
public struct RequestHandler: Sendable {
    /// The method that it answers.
    public let method: HTTPRequest.Method
    /// The path that it answers, with placeholders: `/orders/{id}`.
    public let path: String
    /// Whether the gateway's authorizer must let the client in first.
    public let isAuthorized: Bool
    let respond: @Sendable (_ body: [UInt8], HandlerContext) async throws -> HandlerReply

    /// A handler that takes the body as bytes.
    public init(
        _ method: HTTPRequest.Method,
        _ path: String,
        isAuthorized: Bool = true,
        _ respond: @escaping @Sendable (_ body: [UInt8], HandlerContext) async throws -> HandlerReply
    ) {
        self.method = method
        self.path = path
        self.isAuthorized = isAuthorized
        self.respond = respond
    }

    /// A handler whose body is JSON, decoded to `Input`.
    ///
    /// A body that can't be decoded is answered with `InvalidJSON` or `InvalidRequest`.
    public init<Input: Decodable & Sendable>(
        _ method: HTTPRequest.Method,
        _ path: String,
        isAuthorized: Bool = true,
        decoding: Input.Type = Input.self,
        _ respond: @escaping @Sendable (Input, HandlerContext) async throws -> HandlerReply
    ) {
        self.init(method, path, isAuthorized: isAuthorized) { body, context in
            try await respond(try RequestHandler.decode(Input.self, body), context)
        }
    }

    private static func decode<Input: Decodable>(_ type: Input.Type, _ body: [UInt8]) throws(APIError) -> Input {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch DecodingError.dataCorrupted(let reason) where reason.codingPath.isEmpty {
            throw APIError(.invalidJSON, "The body is not JSON: \(reason.debugDescription)")
        } catch {
            throw APIError(.invalidRequest, "The body is not what \(Input.self) takes: \(error)")
        }
    }
}

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

/// A ``RequestHandler``'s reply, sent after its changes are committed.
public struct HandlerReply: Sendable {
    /// The status.
    public var status: HTTPResponse.Status
    /// The body's media type.
    public var contentType: ContentType
    /// The body.
    public var body: [UInt8]
    /// Additional header fields.
    public var headers: HTTPFields
    /// The changes that the request made, appended in one commit.
    public var changes: [RecordDraft]

    /// A reply made of bytes.
    public init(
        status: HTTPResponse.Status = .ok,
        contentType: ContentType = .json,
        body: [UInt8] = [],
        headers: HTTPFields = [:],
        changes: [RecordDraft] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
        self.changes = changes
    }

    /// A reply whose body is `value` as JSON.
    /// - Throws: what the value's encoding throws.
    public static func json(
        _ value: some Encodable,
        status: HTTPResponse.Status = .ok,
        changes: [RecordDraft] = []
    ) throws -> HandlerReply {
        HandlerReply(status: status, body: Array(try JSONEncoder().encode(value)), changes: changes)
    }
}
