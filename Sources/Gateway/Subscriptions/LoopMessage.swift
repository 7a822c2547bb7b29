import ChangeQueue
import NIOCore
import SluiceCore

/// What other threads hand to an event loop's WebSockets; the token says what it belongs to.
enum LoopMessage: Sendable {
    /// The registry has committed a subscribe, or not.
    case registered(token: UInt64, Result<Void, APIError>)
    /// The authorizer has decided.
    case authorized(token: UInt64, Result<Void, APIError>)
    /// The chains that a subscribe waits for have been walked, in the order of its ``PendingSubscribe/walks``.
    case walked(token: UInt64, Result<[TopicHistory], APIError>)
    /// The chain of one catch-up has been walked from `head`.
    case caughtUp(token: UInt64, head: SequenceNumber, Result<TopicHistory, APIError>)
    /// A piece of history is ready to be sent.
    case piece(token: UInt64, Result<HistoryPiece, APIError>)
}
