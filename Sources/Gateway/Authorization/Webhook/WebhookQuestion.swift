import SluiceCore

/// One question to the back end.
struct WebhookQuestion: Sendable {
    /// Longest token that is passed on, bytes.
    static let maximumTokenBytes = 8 * 1024
    /// Longest question, bytes: what a request head of 16 KiB can hold has room, written as JSON.
    static let maximumBytes = 64 * 1024

    /// What makes it equal to others.
    let key: QuestionKey
    /// Whose turn it takes.
    let asker: QuestionAsker
    /// The body of the request.
    let json: [UInt8]

    /// Asks whether a client may connect.
    /// - Throws: `Unauthorized` for a token that is too long, `InvalidRequest` when the rest is.
    init(connect client: WebhookClient) throws(APIError) {
        let json = try client.json()
        guard json.count <= WebhookQuestion.maximumBytes else {
            throw APIError(
                .invalidRequest,
                """
                Token, query and header fields make a question of \(json.count) bytes to the back end that decides about access, and the \
                limit is \(WebhookQuestion.maximumBytes). Send less.
                """
            )
        }
        key = QuestionKey(connect: json)
        asker = .network(client.network)
        self.json = json
    }

    /// Asks whether the client that has this grant may do that.
    init(_ action: TopicAction, _ topic: Topic, _ grant: Grant) {
        json = JSONWriter.object { json in
            json.member("action", action.rawValue)
            json.member("topic", topic.name)
            WebhookQuestion.writeAsker(grant, to: &json)
        }
        key = QuestionKey(action, topic, grant)
        asker = grant.asker?.asker ?? grant.principal.map { .principal(ByteString($0)) } ?? .client(.other)
    }

    /// What a question about a topic says about who asks, as an object of its own.
    static func askerJSON(_ grant: Grant) -> [UInt8] { JSONWriter.object { writeAsker(grant, to: &$0) } }

    /// Writes what a question about a topic says about who asks.
    private static func writeAsker(_ grant: Grant, to json: inout JSONWriter) {
        json.member("principal", grant.principal)
        json.member("token", grant.token)
    }
}
