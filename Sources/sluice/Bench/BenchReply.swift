import NIOCore
import NIOHTTP1
import SluiceCore

/// A message from the gateway to a receiver (docs/protocol.md).
enum BenchReply: Equatable, Sendable {
    /// The subscription holds; the topic's newest record has this number.
    case subscribed(sequence: UInt64)
    case event(BenchEvent)
    /// The gateway refuses something.
    case error(code: String, message: String)
    /// A kind that doesn't matter here, such as `connected`.
    case other
    /// Not a message of the protocol.
    case faulty

    init(_ text: [UInt8]) {
        guard let message = try? JSONValue(text), let type = message["type"]?.string else {
            self = .faulty
            return
        }
        switch type {
        case "event":
            guard let sequence = message["sequence"]?.unsignedInteger,
                let previous = message["previous"]?.unsignedInteger
            else {
                self = .faulty
                return
            }
            let marker = message["data"].flatMap(BenchMarker.init)
            self = .event(BenchEvent(sequence: sequence, previous: previous, marker: marker))
        case "subscribed":
            let sequence = message["topics"]?.elements?.first?["sequence"]?.unsignedInteger
            self = sequence.map { .subscribed(sequence: $0) } ?? .faulty
        case "error":
            self = .error(code: message["code"]?.string ?? "", message: message["message"]?.string ?? "")
        default: self = .other
        }
    }
}

/// A message that is to be published now.
struct BenchMessage: Equatable, Sendable {
    let number: Int
    /// Index of its topic.
    let topic: Int
    /// When it was due, nanoseconds of ``StageClock``: its latency counts from here.
    let dueNanoseconds: UInt64
}

/// Reads the gateway's messages.
///
/// All receivers of a topic get the same bytes. So the bytes are compared with the last ones of the topic, and parsed only when they differ: the
/// generator must not need more CPU than what it measures.
struct BenchReplyReader {
    private var last: [(text: ByteBuffer, reply: BenchReply)?]

    init(topics: Int) { last = Array(repeating: nil, count: topics) }

    /// Reads a message to a receiver of the topic.
    mutating func read(_ text: ByteBuffer, topic: Int) -> BenchReply {
        if let last = last[topic], last.text == text { return last.reply }
        let bytes = Array(text.readableBytesView)
        let reply = BenchReply(bytes)
        // A copy: keeping a slice would keep the connection's whole read buffer, which could then not be used again.
        if case .event = reply { last[topic] = (ByteBuffer(bytes: bytes), reply) }
        return reply
    }
}

/// Reads the HTTP answer to an upgrade that was refused, so that people are told why.
final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<Void>
    private var answer = BenchAnswer()

    /// - Parameter promise: fails with what the gateway said.
    init(_ promise: EventLoopPromise<Void>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard answer.add(unwrapInboundIn(data)) else { return }
        fail(answer.description)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail("an answer that isn't the upgrade")
        context.fireChannelInactive()
    }

    private func fail(_ what: String) {
        let hint =
            switch answer.status {
            case 401, 403: " Give a token that allows it with --token-file or --token."
            case 404: " Is this the address of a gateway?"
            default: ""
            }
        let sentence = "The gateway refuses WebSockets: \(what)" + (what.hasSuffix(".") ? "" : ".")
        promise.fail(CommandError(.unavailable, sentence + hint))
    }
}
