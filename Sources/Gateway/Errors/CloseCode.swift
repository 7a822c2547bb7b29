/// Why the gateway closes a WebSocket (RFC 6455, section 7.4; 4000–4999 are ours).
///
/// The table in docs/protocol.md says what a client does then: after 1001, 1012, 1013 and 4000–4099 it reconnects and resumes, after 1011
/// too, with a long back-off, after 4402 with a new token, after 4429 at connect late; after the others it doesn't until its owner has
/// changed something.
package enum CloseCode: UInt16, CaseIterable, Sendable {
    /// The client closed; the gateway answers.
    case normal = 1000
    /// The gateway drains: reconnect, perhaps elsewhere.
    case goingAway = 1001
    /// The client broke RFC 6455: bad mask, opcode, fragmentation or close frame.
    case protocolError = 1002
    /// A text message isn't UTF-8, or a reason isn't.
    case invalidPayload = 1007
    /// A message is larger than the limit.
    case messageTooBig = 1009
    /// A fault of ours: reconnect with a long back-off and resume.
    case internalError = 1011
    /// Too many bytes of unfinished messages are held: reconnect and resume.
    case tryAgainLater = 1013
    /// The connection took events too slowly and its buffer was full: reconnect and resume.
    case slowConsumer = 4008
    /// The connection was silent for longer than the limit, pings included.
    case idleTimeout = 4009
    /// A message took longer to arrive than the limit.
    case messageTimeout = 4010
    /// The connection is as old as one may be: reconnect and resume.
    case connectionTooOld = 4011
    /// No token, or one that isn't valid.
    case unauthorized = 4401
    /// The token's time is over: get a new one, reconnect and resume.
    case tokenExpired = 4402
    /// The rules don't allow this connection.
    case forbidden = 4403
    /// The client sent more faulty messages in a row than the limit, or asked for more subscriptions as it connected.
    case tooManyErrors = 4429

    /// The reason text that goes with the code.
    package var reason: String {
        switch self {
        case .normal: ""
        case .goingAway: "going away"
        case .protocolError: "protocol error"
        case .invalidPayload: "not UTF-8"
        case .messageTooBig: "message too big"
        case .internalError: "internal error"
        case .tryAgainLater: "try again later"
        case .slowConsumer: "slow consumer"
        case .idleTimeout: "idle timeout"
        case .messageTimeout: "message timeout"
        case .connectionTooOld: "connection too old"
        case .unauthorized: "unauthorized"
        case .tokenExpired: "token expired"
        case .forbidden: "forbidden"
        case .tooManyErrors: "too many errors"
        }
    }
}
