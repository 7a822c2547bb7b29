import FanOut
import SluiceCore

/// The members of a `sluice.v1` message, found in one pass; those that aren't known are ignored, so that a later version
/// may add some.
struct MessageMembers {
    private static let names: [ByteString] = [
        "action", "id", "topics", "topic", "after", "binary", "data", "contentType", "encoding", "epoch",
        "token",
    ]
    private let values: [JSONValue?]

    var action: JSONValue? { values[0] }
    var id: JSONValue? { values[1] }
    private var topics: JSONValue? { values[2] }
    private var topic: JSONValue? { values[3] }
    private var after: JSONValue? { values[4] }
    private var binary: JSONValue? { values[5] }
    private var data: JSONValue? { values[6] }
    private var contentType: JSONValue? { values[7] }
    private var dataEncoding: JSONValue? { values[8] }
    private var claimedEpoch: JSONValue? { values[9] }
    private var newToken: JSONValue? { values[10] }

    /// Checks the JSON and finds the members.
    /// - Throws: `InvalidJSON`, or `InvalidRequest` when it isn't an object or has too many members or too long a key.
    init(_ bytes: [UInt8]) throws(APIError) {
        guard let values = try JSONValue.asked(for: MessageMembers.names, in: bytes) else {
            throw APIError(.invalidRequest, "A message is a JSON object, such as {\"action\":\"ping\"}.")
        }
        self.values = values
    }

    /// The topics of a subscribe or unsubscribe, each once, with their `after`.
    /// - Throws: `InvalidRequest` or `InvalidTopic`.
    func entries() throws(APIError) -> [SubscribeMessage.Entry] {
        guard let elements = topics?.elements(upTo: Limits.topicsPerRequest),
            (1...Limits.topicsPerRequest).contains(elements.count)
        else {
            throw APIError(
                .invalidRequest,
                "The message needs 'topics', an array of 1 to \(Limits.topicsPerRequest) strings."
            )
        }
        let positions = try positions()
        var entries: [SubscribeMessage.Entry] = []
        var seen: Set<Topic> = []
        for element in elements {
            let topic = try MessageMembers.topic(element)
            if seen.insert(topic).inserted { entries.append(.init(topic: topic, after: positions[topic])) }
        }
        if let unknown = positions.keys.first(where: { !seen.contains($0) }) {
            throw APIError(
                .invalidRequest,
                "'after' names '\(unknown.name.printable(limit: 80))', which is not among the topics."
            )
        }
        return entries
    }

    /// The epoch of the log in which the client learned its numbers; nil when it doesn't say.
    /// - Throws: `InvalidRequest` when it isn't a string.
    func epoch() throws(APIError) -> EpochClaim? { try text(claimedEpoch, "epoch").map { EpochClaim($0) } }

    /// How events shall come: `"binary":"frames"` or `"base64"`.
    /// - Throws: `InvalidRequest`.
    func encoding(otherwise standard: EventEncoding) throws(APIError) -> EventEncoding {
        guard let binary else { return standard }
        return try EventEncoding(parameter: binary.byteString ?? "")
    }

    /// The record to publish.
    /// - Throws: `InvalidRequest`, `InvalidTopic` or `InvalidJSON`.
    func publish(_ id: MessageID?) throws(APIError) -> PublishMessage {
        guard let topic else { throw APIError(.invalidRequest, "The message needs a 'topic', a string.") }
        guard let data else { throw APIError(.invalidRequest, "The message needs 'data', the payload.") }
        let type = try text(contentType, "contentType")
        let encoding = try text(dataEncoding, "encoding")
        let contentType = try PayloadRules.contentType(type?.string)
        return PublishMessage(
            id: id,
            topic: try MessageMembers.topic(topic),
            contentType: contentType,
            payload: try MessageData.payload(data, contentType, encoding: encoding)
        )
    }

    /// The token of an authenticate.
    /// - Throws: `InvalidRequest` when there is none, or it is longer than any.
    func token() throws(APIError) -> String {
        guard let token = newToken?.string, (1...CompactToken.maximumBytes).contains(token.utf8.count) else {
            throw APIError(
                .invalidRequest,
                "The message needs 'token', a string of at most \(CompactToken.maximumBytes) bytes."
            )
        }
        return token
    }

    private func positions() throws(APIError) -> [Topic: SequenceNumber] {
        guard let after else { return [:] }
        let members: [JSONMember]?
        do throws(JSONError) { members = try after.members(upTo: Limits.topicsPerRequest) } catch {
            throw APIError(error)
        }
        guard let members else {
            throw APIError(.invalidRequest, "'after' must be an object of topics and sequence numbers.")
        }
        var positions: [Topic: SequenceNumber] = [:]
        for member in members {
            guard let number = member.value.unsignedInteger else {
                throw APIError(
                    .invalidRequest,
                    "'after' must give a whole number for '\(member.key.string.printable(limit: 80))'."
                )
            }
            positions[try Topic(asked: member.key.string)] = SequenceNumber(number)
        }
        return positions
    }

    private func text(_ value: JSONValue?, _ name: String) throws(APIError) -> ByteString? {
        guard let value else { return nil }
        guard let text = value.byteString else { throw APIError(.invalidRequest, "'\(name)' must be a string.") }
        return text
    }

    private static func topic(_ value: JSONValue) throws(APIError) -> Topic {
        guard let name = value.string else { throw APIError(.invalidRequest, "A topic must be a string.") }
        return try Topic(asked: name)
    }
}
