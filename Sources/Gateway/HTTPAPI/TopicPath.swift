import SluiceCore

/// What `GET /topics/{topic…}` asks for.
enum TopicPath: Equatable {
    /// The topic's newest sequence number.
    case head(Topic)
    /// `/records`: the topic's history.
    case records(Topic)

    /// Takes the topic from the path.
    /// - Throws: `InvalidTopic`.
    init(path: String) throws(APIError) {
        let encoded = path.dropFirst("/topics/".count)
        if encoded.hasSuffix("/records") {
            self = .records(try RequestTarget.topic(encoded.dropLast("/records".count).utf8))
        } else {
            self = .head(try RequestTarget.topic(encoded.utf8))
        }
    }

    /// The topic, whatever is asked about it.
    var topic: Topic {
        switch self {
        case .head(let topic), .records(let topic): topic
        }
    }
}
