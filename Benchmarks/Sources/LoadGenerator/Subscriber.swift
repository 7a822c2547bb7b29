import CSockets

/// One WebSocket subscriber of one topic; subclasses speak a peer's protocol.
class Subscriber: Connection {
    let topic: String
    let run: Run
    private(set) var isReady = false
    private var isUpgraded = false

    init(topic: String, run: Run) throws {
        self.topic = topic
        self.run = run
        try super.init(port: run.options.port, poller: run.poller)
    }

    /// The path to ask for.
    var path: String { "/" }
    /// The WebSocket subprotocol to ask for.
    var subprotocol: String? { nil }
    /// The WebSocket stands.
    func upgraded() {}
    /// A whole data message.
    func message(_ bytes: UnsafeRawBufferPointer) {}

    /// Subscribed: from now on messages count.
    final func ready() {
        guard !isReady else { return }
        isReady = true
        run.subscribed()
    }

    override func connected() {
        var request =
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(run.options.port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        if let subprotocol { request += "Sec-WebSocket-Protocol: \(subprotocol)\r\n" }
        send(Array((request + "\r\n").utf8))
    }

    final override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        if !isUpgraded {
            guard let base = bytes.baseAddress else { return 0 }
            let end = csockets_find(base, bytes.count, "\r\n\r\n", 4)
            guard end >= 0 else { return 0 }
            guard bytes.count > 12, bytes[9] == 0x31, bytes[10] == 0x30, bytes[11] == 0x31 else {
                run.fail(.refused(String(decoding: bytes.prefix(300), as: UTF8.self)))
                return bytes.count
            }
            isUpgraded = true
            position = end + 4
            upgraded()
        }
        while let frame = WebSocketFrame(in: bytes, at: position) {
            let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.payload])
            position = frame.payload.upperBound
            switch frame.opcode {
            case 0, 1, 2: message(payload)
            case 9: send(WebSocketFrame.client(opcode: 10, Array(payload.prefix(125))))
            default: break
            }
        }
        return position
    }

    override func closed() { run.subscriberClosed(wasReady: isReady) }
}
