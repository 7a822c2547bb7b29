import NIOCore
import NIOHTTP1
import SluiceCore

/// NIO's decoder of requests, which goes on behind a request that offers another protocol, once it is known that the offer isn't taken.
///
/// NIO's own stops there for good. What comes behind such a request stays here until ``resume()``; if the connection becomes a WebSocket it is
/// given back as the decoder leaves.
final class ResumingDecoder: ByteToMessageDecoder {
    typealias InboundOut = HTTPServerRequestPart

    private enum State {
        /// Requests are read.
        case decoding
        /// A request that offers another protocol is being read.
        case offering
        /// It is complete, and nothing behind it is read.
        case stopped
        /// What is behind it are requests: a new decoder reads them.
        case resuming
    }

    /// Whether a call of ours leads here.
    private enum Place {
        case outside
        case inside
    }

    /// What ``resume()`` leaves to its caller.
    enum Resumption {
        /// Nothing: the bytes are being read.
        case goesOn
        /// To have the decoder called, for nobody else will.
        case needsCall
    }

    private let limits: NIOHTTPDecoderLimitConfiguration
    private var inner: HTTPRequestDecoder
    private var state = State.decoding
    private var place = Place.outside
    /// Bytes of a part that isn't complete.
    private(set) var pendingBytes = 0

    init(limits: HTTPLimits) {
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderListSize = limits.headBytes
        configuration.maxHeaderFieldSize = limits.headBytes
        configuration.maxHeaderFieldCount = limits.headerFields
        self.limits = configuration
        inner = ResumingDecoder.makeDecoder(configuration)
    }

    private static func makeDecoder(_ limits: NIOHTTPDecoderLimitConfiguration) -> HTTPRequestDecoder {
        HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
    }

    /// A head has been read.
    func read(_ offer: UpgradeOffer) { if offer == .clear { state = .offering } }

    /// A request's end has been read.
    func readEnd() { if case .offering = state { state = .stopped } }

    /// What is behind the request that offered another protocol are requests.
    func resume() -> Resumption {
        guard case .stopped = state else { return .goesOn }
        state = .resuming
        switch place {
        case .inside: return .goesOn
        case .outside: return .needsCall
        }
    }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        place = .inside
        defer {
            place = .outside
            pendingBytes = buffer.readableBytes
        }
        while true {
            if case .stopped = state { return .needMoreData }
            if case .resuming = state { try replace(context) }
            guard buffer.readableBytes > 0 else { return .needMoreData }
            _ = try inner.decode(context: context, buffer: &buffer)
            switch state {
            case .decoding, .offering: return .needMoreData
            case .stopped, .resuming: continue
            }
        }
    }

    func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState {
        if case .resuming = state { try replace(context) }
        if case .stopped = state {
            if !seenEOF, buffer.readableBytes > 0 { context.fireChannelRead(NIOAny(buffer)) }
            return .needMoreData
        }
        return try inner.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }

    func decoderAdded(context: ChannelHandlerContext) { inner.decoderAdded(context: context) }

    func decoderRemoved(context: ChannelHandlerContext) { inner.decoderRemoved(context: context) }

    /// Puts a new decoder in the place of one that has stopped.
    /// - Throws: when it hasn't: two readers would disagree about where a request ends.
    private func replace(_ context: ChannelHandlerContext) throws {
        // Not a byte of any request: a decoder that still reads refuses it, one that has stopped leaves it alone.
        var probe = ByteBuffer(bytes: [1])
        _ = try inner.decode(context: context, buffer: &probe)
        guard probe.readableBytes == 1 else { throw HTTPParserError.unknown }
        inner.decoderRemoved(context: context)
        inner = ResumingDecoder.makeDecoder(limits)
        inner.decoderAdded(context: context)
        state = .decoding
    }
}

/// Whether a request offers another protocol, behind which NIO's decoder reads nothing: it can't know that the offer isn't taken.
enum UpgradeOffer: Equatable {
    /// The decoder goes on behind the request.
    case none
    /// It surely stops there, so that another decoder can read what follows.
    case clear
    /// It may stop there or not: nobody knows where what follows would be read from.
    case unclear

    init(_ head: HTTPRequestHead, _ fields: PublishHead) {
        guard head.method != .CONNECT else {
            self = .unclear
            return
        }
        let connection = head.headers["connection"]
        let isOld = head.headers.contains(name: "proxy-connection")
        guard fields.offersUpgrade, !connection.isEmpty || isOld else {
            self = .none
            return
        }
        // The form that clients send; the decoder's reading of stranger ones isn't copied here.
        let isPlain = connection.count == 1 && connection[0].utf8.allSatisfy(UpgradeOffer.isPlain)
        let isNamed = head.headers.elements(of: "connection").contains { $0.equalsIgnoringASCIICase("upgrade") }
        let isFilled = head.headers["upgrade"].allSatisfy { !$0.trimmed.isEmpty }
        self = isPlain && isNamed && isFilled && !isOld ? .clear : .unclear
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ",") || byte == 0x20
    }
}
