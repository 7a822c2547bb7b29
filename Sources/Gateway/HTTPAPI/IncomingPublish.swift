import NIOCore
import NIOHTTP1
import SluiceCore

/// A publish while its body comes in.
struct IncomingPublish {
    /// Its place among the connection's publishes, of ``RequestOrder``.
    let number: UInt64
    /// Where it goes.
    let target: PublishTarget
    /// The request's head, for the authorizer.
    let request: HTTPRequestHead
    /// The fields that matter.
    let head: PublishHead
    /// When its head had been read, nanoseconds of `StageClock`.
    let acceptedAtNanoseconds: UInt64
    /// Largest body, bytes.
    let limit: Int
    private(set) var body: ByteBuffer?

    /// Adds a part of the body; false when the body becomes larger than the limit.
    mutating func append(_ bytes: inout ByteBuffer) -> Bool {
        guard (body?.readableBytes ?? 0) + bytes.readableBytes <= limit else { return false }
        if body == nil {
            // The usual body is one part: it stays where the socket's read left it.
            body = bytes
        } else {
            body?.writeBuffer(&bytes)
        }
        return true
    }

    /// What tells one client's token from another's: the Authorization field, or the query, which may carry a token.
    var grantKey: String? { head.authorization ?? RequestTarget.query(of: request.uri)?.string }

    /// The records to append.
    /// - Throws: what is wrong with the body.
    func drafts(limits: HTTPLimits) throws(APIError) -> [RecordDraft] {
        switch target {
        case .invalid(let error):
            throw error
        case .topic(let topic):
            return [try draft(topic)]
        case .batch:
            let bytes = body.map { Array($0.readableBytesView) } ?? []
            return try BatchRequest.drafts(bytes, acceptedAtNanoseconds, payloadBytes: limits.payloadBytes)
        }
    }

    private func draft(_ topic: Topic) throws(APIError) -> RecordDraft {
        let contentType = try PayloadRules.contentType(head.contentType)
        let payload = body.map { Array($0.readableBytesView) } ?? []
        try PayloadRules.check(payload, contentType)
        return RecordDraft(
            topic: topic,
            payload: payload,
            contentType: contentType,
            acceptedAtNanoseconds: acceptedAtNanoseconds
        )
    }
}
