import Crypto
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

/// What makes two questions to the back end equal: equal ones share one request and one kept answer.
struct QuestionKey: Hashable, Sendable {
    /// Everything that is asked, of a question at connect; principal and token, of a question about a topic.
    let asker: AskerDigest
    /// What is to be done with ``topic``; nil at connect.
    let action: TopicAction?
    /// The topic; nil at connect.
    let topic: Topic?

    /// The key of a question at connect, whose text is `json`.
    init(connect json: [UInt8]) {
        asker = AskerDigest(json)
        action = nil
        topic = nil
    }

    /// The key of a question about a topic.
    ///
    /// Called on event loops for each publish: it hashes no token, since the grant has its digest already.
    init(_ action: TopicAction, _ topic: Topic, _ grant: Grant) {
        asker = grant.asker?.digest ?? AskerDigest(WebhookQuestion.askerJSON(grant))
        self.action = action
        self.topic = topic
    }
}

/// Whose turn a question takes in the queue for the back end.
enum QuestionAsker: Hashable, Sendable {
    /// Whoever connects from a network; nobody knows who it is.
    case network(PeerNetwork)
    /// A principal that the back end has let in.
    case principal(ByteString)
    /// A client that the back end has let in without naming it.
    case client(PeerNetwork)

    /// Whether the back end has let it in.
    var isKnown: Bool {
        switch self {
        case .network: false
        case .principal, .client: true
        }
    }
}

/// What a grant remembers of the client that the back end has let in.
struct GrantedAsker: Sendable {
    /// The digest of principal and token.
    let digest: AskerDigest
    /// In whose name its questions wait.
    let asker: QuestionAsker
}

/// SHA-256 of what a question says about who asks.
///
/// The cache holds this in place of tokens, cookies and queries: it is short, and nobody can read a token out of it.
struct AskerDigest: Hashable, Sendable {
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    /// The digest of `bytes`.
    init(_ bytes: [UInt8]) {
        (first, second, third, fourth) = SHA256.hash(data: bytes).withUnsafeBytes { digest in
            (
                digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }
}
