import CSockets

/// sluice.v1: one event a frame, subscribed by the query.
final class SluiceSubscriber: Subscriber {
    override var path: String { "/ws?topic=\(topic)" }
    override var subprotocol: String? { "sluice.v1" }

    private var waitsForExtra = false

    override func message(_ bytes: UnsafeRawBufferPointer) {
        if isReady {
            // The envelope's brace stands behind the payload.
            if let marker = Marker(in: bytes, near: bytes.count - 1 - run.options.bytes) { run.received(marker) }
        } else if String(decoding: bytes, as: UTF8.self).contains(#""subscribed""#) {
            if run.options.extraTopics > 0, !waitsForExtra {
                waitsForExtra = true
                let topics = (0..<run.options.extraTopics).map { "\"extra/\(socket)/\($0)\"" }.joined(separator: ",")
                let request = #"{"action":"subscribe","id":"extra","topics":[\#(topics)]}"#
                send(WebSocketFrame.client(opcode: 1, Array(request.utf8)))
            } else {
                ready()
            }
        }
    }
}

/// nchan: the payload is the frame; subscribed with the upgrade.
final class NchanSubscriber: Subscriber {
    override var path: String { "/sub/\(topic)" }

    override func upgraded() { ready() }

    override func message(_ bytes: UnsafeRawBufferPointer) {
        if let marker = Marker(in: bytes, near: 0) { run.received(marker) }
    }
}

/// A protocol whose stream is cut into frames anywhere.
class StreamSubscriber: Subscriber {
    private var rest: [UInt8] = []

    /// Takes what is whole and returns how many bytes that is.
    func stream(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }

    final override func message(_ bytes: UnsafeRawBufferPointer) {
        if rest.isEmpty {
            let used = stream(bytes)
            if used < bytes.count { rest = Array(bytes[used...]) }
        } else {
            rest += bytes
            let used = rest.withUnsafeBytes { stream($0) }
            rest.removeFirst(used)
        }
    }
}

/// NATS: `MSG` lines with payloads behind them.
final class NATSSubscriber: StreamSubscriber {
    override func upgraded() {
        let hello =
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\r\nSUB \(topic) 1\r\nPING\r\n"
        send(WebSocketFrame.client(opcode: 2, Array(hello.utf8)))
    }

    override func stream(_ bytes: UnsafeRawBufferPointer) -> Int {
        NATSLine.forEach(in: bytes) { line, payload in
            switch line[0] {
            case UInt8(ascii: "M"): if let marker = Marker(in: payload, near: 0) { run.received(marker) }
            case UInt8(ascii: "P") where line[1] == UInt8(ascii: "O"): ready()
            case UInt8(ascii: "P"): send(WebSocketFrame.client(opcode: 2, Array("PONG\r\n".utf8)))
            case UInt8(ascii: "-"): run.fail(.refused(String(decoding: line, as: UTF8.self)))
            default: break
            }
        }
    }
}

/// Mosquitto: MQTT 3.1.1, QoS 0.
final class MQTTSubscriber: StreamSubscriber {
    override var path: String { "/mqtt" }
    override var subprotocol: String? { "mqtt" }

    override func upgraded() { send(WebSocketFrame.client(opcode: 2, MQTT.connect)) }

    override func stream(_ bytes: UnsafeRawBufferPointer) -> Int {
        MQTT.forEach(in: bytes) { type, body in
            switch type {
            case 2: send(WebSocketFrame.client(opcode: 2, MQTT.subscribe(topic)))
            case 9: ready()
            case 3: if let marker = Marker(in: body, near: body.count - run.options.bytes) { run.received(marker) }
            default: break
            }
        }
    }
}
