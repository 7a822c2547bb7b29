import NIOCore
import NIOHTTP1
import SluiceCore

extension HTTPConnection {
    /// What a connection wants done.
    enum Action {
        /// Find out whether the client may publish: ``admit(_:_:now:)`` or ``refuseHead(_:_:)`` follows.
        case authorize(IncomingPublish)
        /// Read the records in a publish's body and append them: ``answer(_:_:)`` follows.
        case check(IncomingPublish)
        /// Tell the client to send its body.
        case sendContinue
        /// Begin to answer a routed request.
        case route(RoutedRequest)
        /// Hand a part of its body on.
        case passBody(ByteBuffer)
        /// Its body is complete.
        case passEnd
        /// Its body breaks off.
        case failBody(APIError)
        /// Write an answer.
        case write(PublishAnswer, AnswerFraming)
        /// Find out whether the client may have a WebSocket: ``acceptUpgrade(_:)`` or ``refuseUpgrade(_:)`` follows.
        case decideUpgrade(HTTPRequestHead, ConnectionPeer)
        /// Count and log a refused WebSocket.
        case noteRefusedUpgrade(HTTPRequestHead, APIError)
        /// Write the 101 with these fields and make a WebSocket of the connection.
        case becomeWebSocket(HTTPRequestHead, HTTPHeaders)
        /// The same, and write the 101 with these fields and a close frame behind it, for that is all of it that a page can see.
        case refuseWebSocket(HTTPRequestHead, HTTPHeaders, CloseCode, APIError)
        /// Have the decoder read on.
        case decodeOn
        /// Tell when all is written.
        case closeWhenWritten
        /// Close our side.
        case closeOutput
        /// Close the connection.
        case close
    }

    /// What became of an event.
    enum Taken {
        /// It is dealt with.
        case done
        /// It is dealt with by doing this.
        case action(Action)
        /// It must wait for answers that are due.
        case later
    }
}

/// Who is at the other end: where, and with what certificate.
struct ConnectionPeer: Sendable {
    let address: ClientAddress
    /// Verified; nil when there is none.
    let certificate: ClientCertificate?
}

/// A request that isn't a publish.
struct RoutedRequest {
    /// Which of the connection's it is.
    let number: UInt64
    let head: HTTPRequestHead
    /// Who sent it.
    let client: ClientAddress
    /// The certificate that the connection has shown.
    var certificate: ClientCertificate?
    /// Its body's length, bytes; nil when only its end will tell.
    let bodyLength: Int?
}

/// How an answer is written.
struct AnswerFraming: Equatable {
    /// What the answer says about its connection.
    enum Connection: Equatable {
        /// Nothing: it goes on.
        case unsaid
        /// That it ends.
        case close
        /// That it goes on, which in HTTP/1.0 must be said (RFC 9112, section 9.3).
        case keepAlive
    }

    /// Whether the answer has a body.
    enum Body: Equatable {
        case written
        /// It is left out: the answer is to a HEAD (RFC 9110, section 9.3.2).
        case leftOut
    }

    var connection = Connection.unsaid
    var body = Body.written
    var version = HTTPVersion.http1_1
    /// What a page of another origin is told.
    var crossOrigin: CrossOrigin?

    init() {}

    /// The framing of the answers to a request.
    init(_ head: HTTPRequestHead) {
        if head.method == .HEAD { body = .leftOut }
        if head.version != .http1_1, head.version.minor == 0 {
            version = .http1_0
            connection = .keepAlive
        }
    }

    /// Whether requests that are answered so may run side by side.
    var isUsual: Bool { self == AnswerFraming() }
}

/// What the decoder says, in the order in which the client sent it.
enum InboundEvent {
    /// A part of a request.
    case part(HTTPServerRequestPart)
    /// Nothing more of what comes can be read, for it isn't HTTP, comes too late, or is too much.
    case malformed(PublishAnswer)
    /// The client has closed its side.
    case inputClosed
}

/// The answer to bytes that the HTTP parser refused.
enum MalformedRequest {
    /// 431 for a head that is too large (RFC 6585, section 5), 400 for the rest.
    static func answer(to error: HTTPParserError) -> PublishAnswer {
        if error == .headerOverflow {
            return .refused(
                APIError(.payloadTooLarge, "The request's head is larger than the limit."),
                status: 431,
                closes: true
            )
        }
        return .refused(APIError(.invalidRequest, "The request is not HTTP/1.1: \(error)."), closes: true)
    }
}
