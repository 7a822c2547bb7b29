import SluiceCore

/// What `GET /topics/{topic…}` asks for.
enum TopicPath: Equatable {
    /// The topic's newest sequence number.
    case head(Topic)
    /// `/records`: the topic's history.
    case records(Topic)
    /// `/stream`: the topic's events as they come.
    case stream(Topic)

    /// Takes the topic from the path.
    /// - Throws: `InvalidTopic`.
    init(path: String) throws(APIError) {
        let encoded = path.utf8.dropFirst("/topics/".utf8.count)
        func topic(before suffix: String) throws(APIError) -> Topic? {
            guard encoded.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { return nil }
            return try RequestTarget.topic(encoded.dropLast(suffix.utf8.count))
        }
        if let topic = try topic(before: "/records") {
            self = .records(topic)
        } else if let topic = try topic(before: "/stream") {
            self = .stream(topic)
        } else {
            self = .head(try RequestTarget.topic(encoded))
        }
    }

    /// The topic, whatever is asked about it.
    var topic: Topic {
        switch self {
        case .head(let topic), .records(let topic), .stream(let topic): topic
        }
    }
}
