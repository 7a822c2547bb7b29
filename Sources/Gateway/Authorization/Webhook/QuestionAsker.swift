import SluiceCore

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
