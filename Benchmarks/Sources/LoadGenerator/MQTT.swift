/// The few packets of MQTT 3.1.1 that a QoS 0 load needs.
enum MQTT {
    /// CONNECT with a clean session, without a client id and keep-alive.
    static let connect: [UInt8] = [0x10, 12, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 0, 0, 0]

    /// SUBSCRIBE to one topic.
    static func subscribe(_ topic: String) -> [UInt8] {
        packet(0x82, [0, 1] + text(topic) + [0])
    }

    /// PUBLISH up to where the payload of `payloadBytes` begins.
    static func publishHead(_ topic: String, payloadBytes: Int) -> [UInt8] {
        let name = text(topic)
        return [0x30] + length(name.count + payloadBytes) + name
    }

    /// Calls `body` with the type and the rest of each whole packet; returns how many bytes that were.
    static func forEach(in bytes: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) -> Void) -> Int {
        var position = 0
        while position < bytes.count {
            var count = 0
            var shift = 0
            var next = position + 1
            while true {
                guard next < bytes.count, shift <= 21 else { return position }
                let byte = bytes[next]
                count |= Int(byte & 0x7F) << shift
                shift += 7
                next += 1
                if byte < 0x80 { break }
            }
            guard bytes.count >= next + count else { return position }
            body(bytes[position] >> 4, UnsafeRawBufferPointer(rebasing: bytes[next..<next + count]))
            position = next + count
        }
        return position
    }

    private static func text(_ text: String) -> [UInt8] {
        [UInt8(truncatingIfNeeded: text.utf8.count >> 8), UInt8(truncatingIfNeeded: text.utf8.count)] + Array(text.utf8)
    }

    private static func packet(_ first: UInt8, _ body: [UInt8]) -> [UInt8] { [first] + length(body.count) + body }

    private static func length(_ count: Int) -> [UInt8] {
        var rest = count
        var bytes: [UInt8] = []
        repeat {
            let low = UInt8(rest & 0x7F)
            rest >>= 7
            bytes.append(rest > 0 ? low | 0x80 : low)
        } while rest > 0
        return bytes
    }
}
