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
        let suffix = "/records".utf8
        let encoded = path.utf8.dropFirst("/topics/".utf8.count)
        if encoded.suffix(suffix.count).elementsEqual(suffix) {
            self = .records(try RequestTarget.topic(encoded.dropLast(suffix.count)))
        } else {
            self = .head(try RequestTarget.topic(encoded))
        }
    }

    /// The topic, whatever is asked about it.
    var topic: Topic {
        switch self {
        case .head(let topic), .records(let topic): topic
        }
    }
}
