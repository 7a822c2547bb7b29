import FanOut
import SluiceCore

/// What the URL of a WebSocket connect asks for: `?topic=a&topic=b&after=17&after=3&epoch=5f2a91c05f2a91c0&binary=frames`.
///
/// The first `after` belongs to the first `topic`, and so on; an empty one, or a missing one at the end, means "only
/// what comes from now on".
struct ConnectParameters: Equatable, Sendable {
    /// The topics, each once, in their order.
    var entries: [SubscribeMessage.Entry] = []
    /// The epoch of the log in which the client learned its numbers; nil when it doesn't say.
    var epoch: EpochClaim?
    /// How binary payloads come.
    var encoding = EventEncoding.base64

    /// Reads a URL's query.
    /// - Throws: `InvalidTopic`, `InvalidRequest` or `TooManySubscriptions`.
    init(_ query: [(name: String, value: String)]) throws(APIError) {
        var topics: [Topic] = []
        var positions: [SequenceNumber?] = []
        for (name, value) in query {
            switch ByteString(name) {
            case "topic": topics.append(try Topic(asked: value))
            case "after": positions.append(try ConnectParameters.position(value))
            case "epoch": epoch = value.isEmpty ? nil : EpochClaim(ByteString(value))
            case "binary": encoding = try EventEncoding(parameter: ByteString(value))
            default: continue
            }
        }
        guard topics.count <= Limits.topicsPerRequest else {
            throw APIError(
                .tooManySubscriptions,
                "The URL names \(topics.count) topics and the limit is \(Limits.topicsPerRequest)."
            )
        }
        guard positions.count <= topics.count else {
            throw APIError(
                .invalidRequest,
                "The URL has \(positions.count) times 'after' and \(topics.count) times 'topic': each belongs to one."
            )
        }
        var seen: Set<Topic> = []
        for (index, topic) in topics.enumerated() where seen.insert(topic).inserted {
            entries.append(.init(topic: topic, after: index < positions.count ? positions[index] : nil))
        }
    }

    private static func position(_ text: String) throws(APIError) -> SequenceNumber? {
        if text.isEmpty { return nil }
        guard let number = UInt64(text) else {
            throw APIError(.invalidRequest, "'after' must be a sequence number, not '\(text.printable(limit: 40))'.")
        }
        return SequenceNumber(number)
    }
}
