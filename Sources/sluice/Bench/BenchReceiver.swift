import NIOCore
import NIOWebSocket

/// One WebSocket that receives: hands texts over, answers pings, tells its end.
///
/// Bound to the runner's loop.
final class BenchReceiver: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let index: Int
    private let runner: BenchRunner
    /// What an end without a close frame is called (RFC 6455, section 7.4.1).
    private var closeCode = 1006
    private var context: ChannelHandlerContext?

    /// Largest message: the largest payload with its envelope.
    static let maximumMessageBytes = BenchPlan.payloadRange.upperBound + 64 * 1024

    init(_ index: Int, of runner: BenchRunner) {
        self.index = index
        self.runner = runner
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        runner.receiverOpened(index, self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Begins the closing handshake; the gateway's answer ends the connection.
    func close() {
        guard let context else { return }
        var code = ByteBuffer()
        code.writeInteger(UInt16(1_000))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: code)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: runner.received(frame.unmaskedData, by: index)
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var data = frame.unmaskedData
            closeCode = data.readInteger(as: UInt16.self).map(Int.init) ?? 1005
            context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        runner.receiverEnded(index, closeCode: closeCode)
        context.fireChannelInactive()
    }

    // The channel's end says what there is to say.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Some of a topic's receivers, by their places: one bit each, for there is one such set for every message that is under way.
struct ReceiverSet: Equatable, Sendable {
    private var words: [UInt64]
    private(set) var count: Int

    /// The first `count` places.
    init(first count: Int) {
        self.count = count
        words = Array(repeating: .max, count: count / 64)
        if count % 64 > 0 { words.append((1 << UInt64(count % 64)) - 1) }
    }

    /// Takes a place out.
    /// - Returns: whether it was in.
    mutating func remove(_ place: Int) -> Bool {
        let mask: UInt64 = 1 << UInt64(place % 64)
        guard words.indices.contains(place / 64), words[place / 64] & mask != 0 else { return false }
        words[place / 64] &= ~mask
        count -= 1
        return true
    }
}

/// Whether one receiver gets its topic's events in order, judged twice: by the gateway's own sequence numbers, and by what the publishers saw.
struct ReceiverOrder {
    enum Verdict: Equatable {
        case inOrder
        /// The event's `previous` isn't the event that came before: something is missing in between.
        case hole
        case outOfOrder
    }

    private var lastSequence: UInt64
    /// When the latest of the received messages was sent.
    private var latestSentNanoseconds: UInt64 = 0

    /// - Parameter sequence: the topic's newest record when the subscription began.
    init(after sequence: UInt64) { lastSequence = sequence }

    /// Judges an event that isn't a repetition.
    ///
    /// A message that was acknowledged before another was sent is the older one, whatever numbers they were given.
    mutating func check(_ event: BenchEvent, sentNanoseconds: UInt64, acknowledgedNanoseconds: UInt64?) -> Verdict {
        let isOvertaken = acknowledgedNanoseconds.map { $0 < latestSentNanoseconds } ?? false
        latestSentNanoseconds = max(latestSentNanoseconds, sentNanoseconds)
        guard event.sequence > lastSequence, !isOvertaken else { return .outOfOrder }
        return follow(event) ? .inOrder : .hole
    }

    /// Notes an event of which nothing else is known.
    /// - Returns: whether it follows the one before.
    @discardableResult
    mutating func follow(_ event: BenchEvent) -> Bool {
        let isNext = event.previous == lastSequence
        lastSequence = max(lastSequence, event.sequence)
        return isNext
    }
}
