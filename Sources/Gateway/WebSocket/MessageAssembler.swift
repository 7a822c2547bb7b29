import Deflate
import NIOCore
import NIOWebSocket
import SluiceCore

/// Puts a client's messages together from frames and enforces RFC 6455, section 5: masks, reserved bits and opcodes,
/// fragmentation with control frames in between, UTF-8 in text as soon as it can be judged, and the size limit over all
/// fragments of a message, before and after it is inflated (RFC 7692, section 6.2).
struct MessageAssembler {
    /// What a frame led to.
    enum Event: Equatable {
        /// The message isn't complete.
        case incomplete
        /// A message is complete.
        case message(InboundMessage)
        /// To be answered with a pong of the same payload.
        case ping(ByteBuffer)
        /// The client is alive.
        case pong
        /// The client closes, with this payload.
        case close(ByteBuffer)
        /// The connection must be failed with this code; nothing after it counts.
        case failure(CloseCode)
        /// The same for a compressed message.
        case inflateFailure(InflateRefusal)
    }

    private let maximumMessageBytes: Int
    private let budget: ByteBudget
    private var share: BudgetShare?
    private var kind: FrameOpcode?
    private var partial: ByteBuffer?
    private var text = UTF8Validator()
    private var isCompressed = false
    // Nil where no compression was negotiated.
    private var allowance: InflateAllowance?

    /// An assembler of one connection.
    /// - Parameters:
    ///   - maximumMessageBytes: the limit of a message.
    ///   - budget: what all connections together may hold of messages that aren't complete.
    ///   - allowance: how far messages may be inflated; nil where no compression was negotiated.
    init(maximumMessageBytes: Int, budget: ByteBudget, allowance: InflateAllowance? = nil) {
        self.maximumMessageBytes = maximumMessageBytes
        self.budget = budget
        self.allowance = allowance
    }

    /// Whether a message has begun that isn't complete.
    var isWithinMessage: Bool { kind != nil }

    /// Takes the next frame; `now`: nanoseconds.
    mutating func append(_ frame: InboundFrame, now: UInt64) -> Event {
        guard frame.isMasked, !frame.hasReservedBits, let opcode = FrameOpcode(rawValue: frame.opcode) else {
            return .failure(.protocolError)
        }
        // Only a message's first frame says so, and only where it was negotiated.
        guard !frame.isCompressed || (allowance != nil && (opcode == .text || opcode == .binary)) else {
            return .failure(.protocolError)
        }
        if opcode.isControl { return control(opcode, frame) }
        return data(opcode, frame, now)
    }

    private func control(_ opcode: FrameOpcode, _ frame: InboundFrame) -> Event {
        guard frame.isFinal, frame.payload.readableBytes <= 125 else { return .failure(.protocolError) }
        switch opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong
        default: return .close(frame.payload)
        }
    }

    private mutating func data(_ opcode: FrameOpcode, _ frame: InboundFrame, _ now: UInt64) -> Event {
        let isFirst = opcode != .continuation
        // A continuation continues something, and a new message doesn't begin before the last one has ended (section 5.4).
        guard isFirst == (kind == nil) else { return .failure(.protocolError) }
        if isFirst {
            kind = opcode
            isCompressed = frame.isCompressed
            text = UTF8Validator()
        }
        guard (partial?.readableBytes ?? 0) + frame.payload.readableBytes <= maximumMessageBytes else {
            return .failure(.messageTooBig)
        }
        if kind == .text, !isCompressed {
            let isSound = frame.payload.withUnsafeReadableBytes { text.append($0) }
            guard isSound, !frame.isFinal || text.isComplete else { return .failure(.invalidPayload) }
        }
        guard frame.isFinal else {
            return keep(frame.payload) ? .incomplete : .failure(.tryAgainLater)
        }
        let message = finish(frame.payload)
        return isCompressed ? inflate(message, now) : .message(message)
    }

    private mutating func inflate(_ message: InboundMessage, _ now: UInt64) -> Event {
        guard var allowance else { return .failure(.protocolError) }
        let sentBytes = message.payload.readableBytes
        let allowed = allowance.bytes(forSent: sentBytes, now: now)
        let payload: ByteBuffer
        do throws(InflateError) {
            payload = try ThreadCompressors.current.inflate(
                message.payload,
                maximumBytes: min(maximumMessageBytes, allowed)
            )
        } catch {
            switch error {
            case .broken: return .inflateFailure(.broken)
            case .tooLarge: return .inflateFailure(allowed < maximumMessageBytes ? .allowance : .tooLarge)
            case .unavailable: return .inflateFailure(.unavailable)
            }
        }
        allowance.take(payload.readableBytes, forSent: sentBytes)
        self.allowance = allowance
        if message.isText {
            let isSound = payload.withUnsafeReadableBytes { text.append($0) }
            guard isSound, text.isComplete else { return .failure(.invalidPayload) }
        }
        return .message(InboundMessage(isText: message.isText, payload: payload))
    }

    private mutating func keep(_ payload: ByteBuffer) -> Bool {
        let share = share ?? BudgetShare(of: budget)
        guard share.grow(by: payload.readableBytes) else { return false }
        self.share = share
        // Copied even when it is the first part: the frame is a slice of what was read, which would stay in memory with it.
        if partial == nil { partial = ByteBuffer() }
        partial?.writeImmutableBuffer(payload)
        return true
    }

    private mutating func finish(_ last: ByteBuffer) -> InboundMessage {
        defer {
            kind = nil
            partial = nil
            share = nil
        }
        guard var whole = partial else { return InboundMessage(isText: kind == .text, payload: last) }
        // Out of the property, so that the buffer has one owner and isn't copied as a whole.
        partial = nil
        whole.writeImmutableBuffer(last)
        return InboundMessage(isText: kind == .text, payload: whole)
    }
}

/// NIO's decoder of frames, which holds a frame until it is complete; this counts what it holds.
struct MeteredFrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = WebSocketFrame

    /// The gateway has no room for more of unfinished frames.
    struct NoRoom: Error {}

    private let decoder: WebSocketFrameDecoder
    private let budget: ByteBudget
    // Made when a frame comes in pieces, which most never do.
    private var share: BudgetShare?

    /// Called when a part of a frame has come: whoever sends it is there.
    private let heardPart: () -> Void

    init(maximumFrameBytes: Int, budget: ByteBudget, heardPart: @escaping () -> Void) {
        self.heardPart = heardPart
        decoder = WebSocketFrameDecoder(maxFrameSize: maximumFrameBytes)
        self.budget = budget
    }

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let state = try decoder.decode(context: context, buffer: &buffer)
        guard state == .needMoreData, buffer.readableBytes > 0 else {
            share = nil
            return state
        }
        let share = share ?? BudgetShare(of: budget)
        guard share.resize(to: buffer.readableBytes) else { throw NoRoom() }
        self.share = share
        heardPart()
        return state
    }
}
