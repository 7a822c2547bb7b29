import NIOCore
import NIOWebSocket
import SluiceCore

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
