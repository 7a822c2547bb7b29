import CSockets

/// HTTP with keep-alive: Sluice and nchan.
final class HTTPPublisher: Publisher {
    private let prefix: String

    init(prefix: String, run: Run) throws {
        self.prefix = prefix
        try super.init(run: run)
    }

    override func head(topic: String, payloadBytes: Int) -> [UInt8] {
        let head =
            "POST \(prefix)\(topic) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: \(payloadBytes)\r\n\r\n"
        return Array(head.utf8)
    }

    override func transmit(_ request: [UInt8], number: UInt32) {
        waiting.append(number)
        send(request)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        while position < bytes.count, let base = bytes.baseAddress {
            let length = csockets_find(base + position, bytes.count - position, "\r\n\r\n", 4)
            guard length > 12 else { return position }
            let head = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
            guard head[9] == UInt8(ascii: "2") else {
                run.fail(.refused(String(decoding: bytes[position...].prefix(400), as: UTF8.self)))
                return bytes.count
            }
            let end = position + length + 4 + HTTPPublisher.contentLength(head)
            guard bytes.count >= end else { return position }
            position = end
            acknowledgeOldest()
        }
        return position
    }

    private static func contentLength(_ head: UnsafeRawBufferPointer) -> Int {
        guard let base = head.baseAddress else { return 0 }
        var at = csockets_find(base, head.count, "ontent-Length: ", 15)
        if at < 0 { at = csockets_find(base, head.count, "ontent-length: ", 15) }
        guard at >= 0 else { return 0 }
        var value = 0
        for byte in head[(at + 15)...] {
            guard byte >= 0x30, byte <= 0x39, value < 1_000_000 else { break }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }
}

/// NATS over TCP; with JetStream each publish names where its acknowledgement goes.
final class NATSPublisher: Publisher {
    private var isDurable: Bool { run.options.peer == .jetstream }

    override func connected() {
        var hello =
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\r\n"
        guard isDurable else { return send(Array((hello + "PING\r\n").utf8)) }
        let stream =
            #"{"name":"BENCH","subjects":["bench.>"],"storage":"file","retention":"limits","discard":"old","max_bytes":1073741824,"num_replicas":1}"#
        hello += "SUB _INBOX.b.* 1\r\nPUB $JS.API.STREAM.CREATE.BENCH _INBOX.b.s \(stream.utf8.count)\r\n\(stream)\r\n"
        send(Array(hello.utf8))
    }

    override func head(topic: String, payloadBytes: Int) -> [UInt8] {
        Array("PUB \(topic)\(isDurable ? " _INBOX.b.00000000" : "") \(payloadBytes)\r\n".utf8)
    }

    override var end: [UInt8] { Array("\r\n".utf8) }

    override func transmit(_ request: [UInt8], number: UInt32) {
        guard isDurable else { return send(request) }
        var request = request
        guard let line = request.firstIndex(of: 0x0D), let space = request[..<line].lastIndex(of: 0x20) else { return }
        for digit in 0..<8 {
            let value = UInt8(truncatingIfNeeded: number >> UInt32(4 * (7 - digit))) & 15
            request[space - 8 + digit] = value < 10 ? 0x30 + value : 0x57 + value
        }
        send(request)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        NATSLine.forEach(in: bytes) { line, payload in
            switch line[0] {
            case UInt8(ascii: "M"): acknowledge(line, payload)
            case UInt8(ascii: "P") where line[1] == UInt8(ascii: "O"): ready()
            case UInt8(ascii: "P"): send(Array("PONG\r\n".utf8))
            case UInt8(ascii: "-"): run.fail(.refused(String(decoding: line, as: UTF8.self)))
            default: break
            }
        }
    }

    private func acknowledge(_ line: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) {
        // MSG _INBOX.b.0000002a 1 27
        guard let base = payload.baseAddress, csockets_find(base, payload.count, "\"error\"", 7) < 0 else {
            return run.fail(.refused(String(decoding: payload, as: UTF8.self)))
        }
        // The stream's creation was answered at _INBOX.b.s.
        guard line.count > 21, line[13] != UInt8(ascii: "s") else { return ready() }
        var number: UInt32 = 0
        for byte in line[13..<21] { number = number << 4 | UInt32(byte < 0x3A ? byte &- 0x30 : byte &- 0x57) }
        run.acknowledged(number, on: self)
    }
}

/// MQTT over TCP, QoS 0.
final class MQTTPublisher: Publisher {
    override func connected() { send(MQTT.connect) }

    override func head(topic: String, payloadBytes: Int) -> [UInt8] {
        MQTT.publishHead(topic, payloadBytes: payloadBytes)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        MQTT.forEach(in: bytes) { type, _ in if type == 2 { ready() } }
    }
}

/// Redis: `XADD` to a stream.
final class RedisPublisher: Publisher {
    override func head(topic: String, payloadBytes: Int) -> [UInt8] {
        let command =
            "*5\r\n$4\r\nXADD\r\n$\(topic.utf8.count)\r\n\(topic)\r\n$1\r\n*\r\n$1\r\np\r\n$\(payloadBytes)\r\n"
        return Array(command.utf8)
    }

    override var end: [UInt8] { Array("\r\n".utf8) }

    override func transmit(_ request: [UInt8], number: UInt32) {
        waiting.append(number)
        send(request)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        // $15\r\n1700000000000-0\r\n
        var position = 0
        while position < bytes.count, let base = bytes.baseAddress {
            guard bytes[position] == UInt8(ascii: "$") else {
                run.fail(.refused(String(decoding: bytes[position...].prefix(200), as: UTF8.self)))
                return bytes.count
            }
            let first = csockets_find(base + position, bytes.count - position, "\r\n", 2)
            guard first > 0 else { return position }
            let second = csockets_find(base + position + first + 2, bytes.count - position - first - 2, "\r\n", 2)
            guard second >= 0 else { return position }
            position += first + 2 + second + 2
            acknowledgeOldest()
        }
        return position
    }
}

/// Sluice's own WebSocket: publishes of one connection, answered by id.
final class SluiceSocketPublisher: Publisher {
    private var isUpgraded = false

    override func connected() {
        let request =
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sluice.v1\r\n\r\n"
        send(Array(request.utf8))
    }

    override func head(topic: String, payloadBytes: Int) -> [UInt8] {
        Array(#"{"action":"publish","id":"00000000","topic":"\#(topic)","data":"#.utf8)
    }

    override var end: [UInt8] { [UInt8(ascii: "}")] }

    override func transmit(_ request: [UInt8], number: UInt32) {
        var request = request
        for digit in 0..<8 {
            let value = UInt8(truncatingIfNeeded: number >> UInt32(4 * (7 - digit))) & 15
            request[26 + digit] = value < 10 ? 0x30 + value : 0x57 + value
        }
        send(WebSocketFrame.client(opcode: 1, request))
    }

    override func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        if !isUpgraded {
            guard let base = bytes.baseAddress else { return 0 }
            let end = csockets_find(base, bytes.count, "\r\n\r\n", 4)
            guard end >= 0 else { return 0 }
            isUpgraded = true
            position = end + 4
            ready()
        }
        while let frame = WebSocketFrame(in: bytes, at: position) {
            position = frame.payload.upperBound
            let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.payload])
            if frame.opcode == 9 { send(WebSocketFrame.client(opcode: 10, Array(payload.prefix(125)))) }
            if frame.opcode == 1 { answered(payload) }
        }
        return position
    }

    private func answered(_ answer: UnsafeRawBufferPointer) {
        guard let base = answer.baseAddress else { return }
        if csockets_find(base, answer.count, #""error""#, 7) >= 0 {
            return run.fail(.refused(String(decoding: answer, as: UTF8.self)))
        }
        guard csockets_find(base, answer.count, #""published""#, 11) >= 0 else { return }
        let start = csockets_find(base, answer.count, #""id":""#, 6) + 6
        guard start >= 6, start + 8 <= answer.count else { return }
        var number: UInt32 = 0
        for byte in answer[start..<start + 8] {
            number = number << 4 | UInt32(byte < 0x3A ? byte &- 0x30 : byte &- 0x57)
        }
        run.acknowledged(number, on: self)
    }
}
