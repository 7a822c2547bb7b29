import Foundation
public import HTTPTypes
public import SluiceCore

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
