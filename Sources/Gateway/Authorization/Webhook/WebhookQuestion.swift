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
        var json = Array(#"{"action":"\#(action.rawValue)","topic":"#.utf8)
        JSONText.appendString(topic.name, to: &json)
        json.append(contentsOf: WebhookQuestion.askerJSON(grant))
        json.append(UInt8(ascii: "}"))
        key = QuestionKey(action, topic, grant)
        asker = grant.asker?.asker ?? grant.principal.map { .principal(ByteString($0)) } ?? .client(.other)
        self.json = json
    }

    /// What a question about a topic says about who asks.
    static func askerJSON(_ grant: Grant) -> [UInt8] {
        var json: [UInt8] = []
        append("principal", grant.principal, to: &json)
        append("token", grant.token, to: &json)
        return json
    }

    /// Appends `,"name":"value"`, or `null` when there is no value.
    static func append(_ name: String, _ value: String?, to output: inout [UInt8]) {
        output.append(contentsOf: #","\#(name)":"#.utf8)
        if let value {
            JSONText.appendString(value, to: &output)
        } else {
            output.append(contentsOf: "null".utf8)
        }
    }
}
