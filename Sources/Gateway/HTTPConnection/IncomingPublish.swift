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
    /// Who sent it.
    let client: ClientAddress
    /// When its head had been read, nanoseconds of `StageClock`.
    let acceptedAtNanoseconds: UInt64
    /// Largest body, bytes.
    let limit: Int
    private(set) var body: ByteBuffer?
    /// What its client may do, once the authorizer has said so.
    var grant: Grant?
    /// The room that the body takes while it isn't in the log.
    private var share: BudgetShare?

    init(
        number: UInt64,
        target: PublishTarget,
        request: HTTPRequestHead,
        head: PublishHead,
        client: ClientAddress,
        acceptedAtNanoseconds: UInt64,
        limit: Int
    ) {
        self.number = number
        self.target = target
        self.request = request
        self.head = head
        self.client = client
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
        self.limit = limit
    }

    /// Bytes of the body that have come.
    var bodyBytes: Int { body?.readableBytes ?? 0 }

    /// Adds a part of the body.
    /// - Returns: `PayloadTooLarge` when the body becomes larger than the limit, `Overloaded` when `budget` has no room.
    mutating func append(_ bytes: inout ByteBuffer, _ budget: ByteBudget) -> APIError? {
        let length = (body?.readableBytes ?? 0) + bytes.readableBytes
        guard length <= limit else { return .bodyTooLarge(limit) }
        // The usual body is one part and on its way to the log at once, where it counts as well.
        if length != head.contentLength || share != nil {
            let share = share ?? BudgetShare(of: budget)
            guard share.resize(to: length) else { return .overloaded(budget) }
            self.share = share
        }
        if body == nil {
            // The usual body is one part: it stays where the socket's read left it.
            body = bytes
        } else {
            body?.writeBuffer(&bytes)
        }
        return nil
    }

    /// Counts the whole body, for it waits for an authorizer.
    mutating func hold(in budget: ByteBudget) -> APIError? {
        let share = share ?? BudgetShare(of: budget)
        guard share.resize(to: body?.readableBytes ?? 0) else { return .overloaded(budget) }
        self.share = share
        return nil
    }

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

extension APIError {
    /// A body has more bytes than `limit`.
    static func bodyTooLarge(_ limit: Int) -> APIError {
        APIError(.payloadTooLarge, "The body is larger than the limit of \(limit) bytes.")
    }
}
