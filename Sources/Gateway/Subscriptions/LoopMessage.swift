import ChangeQueue
import NIOCore
import SluiceCore

/// What other threads hand to an event loop's WebSockets; the token says what it belongs to.
enum LoopMessage: Sendable {
    /// The registry has committed a subscribe, or not.
    case registered(token: UInt64, Result<Void, APIError>)
    /// The authorizer has decided.
    case authorized(token: UInt64, Result<Void, APIError>)
    /// The walks that a subscribe waits for have come a slice further.
    case walked(token: UInt64, Result<[HistoryWalk], APIError>)
    /// The walk of one catch-up from `head` has come a slice further.
    case caughtUp(token: UInt64, head: SequenceNumber, Result<ChainWalk, APIError>)
    /// A piece of history is ready to be sent.
    case piece(token: UInt64, Result<HistoryPiece, APIError>)
    /// History that was to be read isn't: the connection is gone, or the gateway stops.
    case dropped(token: UInt64)
}
