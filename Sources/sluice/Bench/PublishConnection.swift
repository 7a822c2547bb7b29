import NIOCore
import NIOHTTP1
import SluiceCore

/// One keep-alive HTTP connection that carries one publish at a time.
///
/// Bound to the runner's loop.
final class PublishConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let pool: PublishPool
    private var context: ChannelHandlerContext?
    private var answer = BenchAnswer()
    /// The publish that waits for its answer.
    private var number: Int?

    init(_ pool: PublishPool) { self.pool = pool }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Sends a publish.
    func send(_ number: Int, _ head: HTTPRequestHead, _ payload: ByteBuffer) {
        guard let context else { return pool.failed(number) }
        self.number = number
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(payload))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func close() { context?.close(promise: nil) }

    func channelActive(context: ChannelHandlerContext) {
        pool.free(self)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard answer.add(unwrapInboundIn(data)), let number else { return }
        self.number = nil
        pool.answered(number, answer)
        // A connection that the gateway is about to close takes no more; its end opens another.
        if answer.isKeptAlive { pool.free(self) } else { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let number { pool.failed(number) }
        number = nil
        pool.ended(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A message that isn't through yet: not answered, or not with all its receivers.
struct OutstandingMessage {
    /// What became of its publish.
    enum Publish: Equatable {
        case waiting
        /// Answered 202, at this time.
        case acknowledged(nanoseconds: UInt64)
        /// The connection broke before the answer: it may be stored or not.
        case unanswered
    }

    let topic: Int
    let dueNanoseconds: UInt64
    /// When it was handed over to be sent.
    let sentNanoseconds: UInt64
    /// How many were connected to its topic then.
    let receivers: Int
    var publish = Publish.waiting
    /// Who hasn't got it yet.
    var missing: ReceiverSet
    /// Receivers whose connection ended before they had it.
    var lost = 0
    /// Whether it still takes one of the places in flight.
    var holdsPlace = true

    init(topic: Int, dueNanoseconds: UInt64, sentNanoseconds: UInt64, receivers: ReceiverSet) {
        self.topic = topic
        self.dueNanoseconds = dueNanoseconds
        self.sentNanoseconds = sentNanoseconds
        self.receivers = receivers.count
        missing = receivers
    }

    var acknowledgedNanoseconds: UInt64? {
        if case .acknowledged(let nanoseconds) = publish { nanoseconds } else { nil }
    }

    /// Whether it is in the log for certain: then all of its receivers must get it.
    var isStored: Bool { acknowledgedNanoseconds != nil || missing.count + lost < receivers }

    /// Whether nothing more is to come.
    var isThrough: Bool { publish != .waiting && missing.count == 0 }
}

/// An HTTP answer as it comes in, with as much of its body as an error needs.
struct BenchAnswer {
    private(set) var status = 0
    private(set) var isKeptAlive = true
    private var body: [UInt8] = []

    private static let maximumBodyBytes = 4 * 1024

    /// Takes the next part in.
    /// - Returns: whether the answer is complete.
    mutating func add(_ part: HTTPClientResponsePart) -> Bool {
        switch part {
        case .head(let head):
            status = Int(head.status.code)
            isKeptAlive = head.isKeepAlive
            body.removeAll(keepingCapacity: true)
        case .body(let bytes):
            body.append(contentsOf: bytes.readableBytesView.prefix(BenchAnswer.maximumBodyBytes - body.count))
        // An interim answer, such as 100, announces the answer and isn't it.
        case .end: return status >= 200
        }
        return false
    }

    /// `401 Unauthorized: The token…`, as far as the body is an error of ours; else the status alone.
    var description: String {
        guard let error = (try? JSONValue(body))?["error"], let code = error["code"]?.string else { return "\(status)" }
        let message = error["message"]?.string ?? ""
        return "\(status) \(code.printable(limit: 40)): \(message.printable(limit: 300))"
    }
}
