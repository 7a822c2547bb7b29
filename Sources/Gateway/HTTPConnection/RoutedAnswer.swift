import HTTPTypes
import NIOCore
import SluiceCore

/// The head of an answer that a route gave.
struct RoutedHead: Sendable {
    let status: Int
    /// The body's length, bytes; nil when only its end will tell.
    let length: Int?
    /// All fields but those that are the connection's: how the body ends, whether the connection does, and the date.
    let fields: [(name: String, value: String)]

    init(status: Int, fields: HTTPFields) {
        self.status = status
        let mayHaveBody = status >= 200 && status != 204 && status != 304
        length = mayHaveBody ? fields[.contentLength].flatMap { Int($0) } : nil
        self.fields = fields.compactMap { field in
            switch field.name {
            case .contentLength, .transferEncoding, .connection, .date: nil
            default: (field.name.rawName, field.value)
            }
        }
    }

    /// Whether the route itself tells a page's browser that the page may read the answer.
    var saysOrigin: Bool {
        fields.contains { ByteString($0.name).equalsIgnoringASCIICase("access-control-allow-origin") }
    }

    /// Whether an answer of this status can have a body (RFC 9110, section 6.4.1).
    var mayHaveBody: Bool { status >= 200 && status != 204 && status != 304 }

    /// Whether the answer's end can be told without chunks.
    var isDelimited: Bool { length != nil || !mayHaveBody }
}

/// How the body of a routed answer is written.
enum RoutedTransfer {
    /// As it is.
    case plain
    /// In chunks (RFC 9112, section 7.1).
    case chunked
    /// Not at all.
    case leftOut
}

/// A part of a routed answer.
struct RoutedPiece: Sendable {
    /// Whether more follows.
    enum Place: Sendable {
        case more
        case last
    }

    /// The answer's head, with its first piece.
    var head: RoutedHead?
    var body: ByteBuffer?
    var place: Place
}

/// Answers the requests that aren't publishes.
protocol RequestRouting {
    /// Begins to answer, on the connection's event loop.
    ///
    /// The answer goes to ``HTTPConnectionHandler/answerRouted(_:_:_:)``, and ``HTTPConnectionHandler/routedEnded(_:)`` follows it.
    func begin(
        _ request: RoutedRequest,
        for connection: HTTPConnectionHandler,
        on channel: any Channel
    ) -> any RoutedRun
}

/// A routed request that is being answered; all methods are called on the connection's event loop.
protocol RoutedRun: AnyObject {
    /// Whether more of the request's body is wanted now.
    var demand: BodyDemand { get }
    /// A part of its body.
    func append(_ bytes: ByteBuffer)
    /// Its body is complete.
    func finishBody()
    /// Its body breaks off.
    func fail(_ error: APIError)
    /// More of it is wanted again.
    func wantMore()
    /// The client sends nothing more; it may still take its answer.
    func inputClosed()
    /// The client has gone.
    func cancel()
}

/// Whether more of a body is wanted.
enum BodyDemand {
    case wanted
    /// What has come isn't read yet.
    case full
}
