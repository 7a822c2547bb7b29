import NIOCore
import NIOHTTP1
import NIOWebSocket
import SluiceCore

/// NIO's WebSocket handshake around our own decision. When the upgrade isn't to be, NIO goes on as if it had never been asked for; this
/// keeps the reason, so that the client is told.
struct RefusalNotingUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    let supportedProtocol = "websocket"
    // As NIO's own upgrader: RFC 6455 doesn't make clients name the handshake's fields in `Connection`.
    let requiredUpgradeHeaders: [String] = []
    let upgrade: any ConnectionUpgrading
    let setup: NIOLoopBound<ConnectionSetup>

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        let setup = setup
        return handshake.buildUpgradeResponse(
            channel: channel,
            upgradeRequest: upgradeRequest,
            initialResponseHeaders: initialResponseHeaders
        ).flatMapErrorThrowing { error in
            setup.value.refusal = refusal(for: error)
            throw error
        }
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<NegotiatedProtocol> {
        let front = setup.value.front
        front.headHasCome()
        let upgrade = upgrade
        return channel.pipeline.syncOperations.removeHandler(front).flatMap {
            upgrade.install(upgradeRequest, on: channel).map { .webSocket }
        }
    }

    /// Only the handshake: the frame decoder is part of what ``ConnectionUpgrading/install(_:on:)`` adds.
    private var handshake: NIOTypedWebSocketServerUpgrader<NegotiatedProtocol> {
        let upgrade = upgrade
        return NIOTypedWebSocketServerUpgrader(
            shouldUpgrade: { channel, head in upgrade.accept(head, on: channel).map { $0 } },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededFuture(.webSocket) }
        )
    }

    private func refusal(for error: any Error) -> APIError {
        if let error = error as? APIError { return error }
        return APIError(
            .upgradeRequired,
            "The WebSocket handshake is not one of RFC 6455: it needs a Sec-WebSocket-Key and Sec-WebSocket-Version: 13."
        )
    }
}
