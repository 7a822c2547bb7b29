import Foundation
public import HTTPTypes
import SluiceCore

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
