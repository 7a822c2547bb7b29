import NIOCore
import NIOHTTP1
import SluiceCore

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
