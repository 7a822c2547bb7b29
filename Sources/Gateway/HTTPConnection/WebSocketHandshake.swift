import Crypto
import FanOut
import NIOCore
import NIOHTTP1
import SluiceCore

/// The server's half of the opening handshake (RFC 6455, section 4.2), without the decision whether to take the
/// connection.
enum WebSocketHandshake {
    /// Whether a request asks to become a WebSocket.
    static func isAsked(by head: HTTPRequestHead) -> Bool {
        head.headers.elements(of: "upgrade").contains { $0.equalsIgnoringASCIICase("websocket") }
            && head.headers.elements(of: "connection").contains { $0.equalsIgnoringASCIICase("upgrade") }
    }

    /// The fields of the 101 that answer `head`.
    /// - Throws: `UpgradeRequired` for another version (RFC 6455, section 4.4), `InvalidRequest` for whatever else isn't a
    ///   handshake (section 4.2.1): an upgrade wouldn't help.
    static func answer(to head: HTTPRequestHead) throws(APIError) -> HTTPHeaders {
        guard head.method == .GET, head.version == .http1_1 else {
            throw fault(.invalidRequest, "it must be a GET of HTTP/1.1")
        }
        guard head.headers["sec-websocket-version"].map({ ByteString($0.trimmed) }) == ["13"] else {
            throw fault(.upgradeRequired, "Sec-WebSocket-Version must be 13")
        }
        let keys = head.headers["sec-websocket-key"].map(\.trimmed)
        guard keys.count == 1, Base64.decode(keys[0].utf8)?.count == 16 else {
            throw fault(.invalidRequest, "Sec-WebSocket-Key must be 16 bytes in base64")
        }
        var digest = Insecure.SHA1()
        digest.update(data: Array(keys[0].utf8))
        digest.update(data: magic)
        var accept: [UInt8] = []
        Base64.append(Array(digest.finalize()), to: &accept)
        return [
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-accept": String(decoding: accept, as: UTF8.self),
        ]
    }

    // RFC 6455, section 1.3.
    private static let magic = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

    private static func fault(_ code: APIErrorCode, _ reason: String) -> APIError {
        APIError(code, "The WebSocket handshake is not one of RFC 6455: \(reason).")
    }
}

/// Decides about upgrades to WebSocket and turns the pipeline into one; ``HTTPConnectionHandler`` calls it on the
/// connection's event loop.
protocol ConnectionUpgrading: Sendable {
    /// The answer's additional fields, such as the chosen subprotocol, or a failure with the `APIError` that the client
    /// is told.
    func accept(
        _ head: HTTPRequestHead,
        from client: ConnectionPeer,
        on channel: any Channel
    ) -> EventLoopFuture<HTTPHeaders>
    /// Adds the handlers after the 101 has been written and the HTTP handlers are gone.
    ///
    /// `plain`: nil when something in the pipeline changes bytes.
    func install(_ head: HTTPRequestHead, on channel: any Channel, _ plain: PlainPipeline?) -> EventLoopFuture<Void>
    /// A client was refused its WebSocket, here or before it came here.
    func refused(_ head: HTTPRequestHead, _ error: APIError, from client: ClientAddress, on channel: any Channel)
}

extension ConnectionUpgrading {
    func refused(_ head: HTTPRequestHead, _ error: APIError, from client: ClientAddress, on channel: any Channel) {}
}
