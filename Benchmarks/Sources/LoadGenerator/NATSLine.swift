import CSockets

/// The NATS client protocol: lines, some of them with a payload behind.
enum NATSLine {
    /// Calls `body` with each whole line (without its end) and its payload; returns how many bytes that were.
    static func forEach(
        in bytes: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) -> Int {
        var position = 0
        while position < bytes.count, let base = bytes.baseAddress {
            let length = csockets_find(base + position, bytes.count - position, "\r\n", 2)
            guard length > 1 else { return length < 0 ? position : position + length + 2 }
            let line = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
            var end = position + length + 2
            var payload = UnsafeRawBufferPointer(rebasing: bytes[end..<end])
            if line[0] == UInt8(ascii: "M") {
                let count = trailingNumber(line)
                guard bytes.count >= end + count + 2 else { return position }
                payload = UnsafeRawBufferPointer(rebasing: bytes[end..<end + count])
                end += count + 2
            }
            body(line, payload)
            position = end
        }
        return position
    }

    private static func trailingNumber(_ line: UnsafeRawBufferPointer) -> Int {
        var value = 0
        var scale = 1
        for byte in line.reversed() {
            guard byte >= 0x30, byte <= 0x39, scale < 1_000_000_000 else { break }
            value += Int(byte - 0x30) * scale
            scale *= 10
        }
        return value
    }
}
