import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// The time in a payload, by which a receiver knows when the publish was due: `{"t":<nanoseconds>,"p":"xxx…"}`.
enum Marker {
    /// Nanoseconds of the clock that all processes of a machine share.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// A payload of `bytes` bytes that carries `time`.
    static func payload(time: UInt64, bytes: Int) -> String {
        let head = "{\"t\":\(time),\"p\":\""
        return head + String(repeating: "x", count: max(0, bytes - head.utf8.count - 2)) + "\"}"
    }

    /// The time in an event, or nil when the frame is none.
    static func time(in event: ByteBuffer) -> UInt64? {
        event.withUnsafeReadableBytes { bytes in
            // "data":{"t": stands behind the envelope's members.
            let needle: StaticString = "{\"t\":"
            let length = needle.utf8CodeUnitCount
            guard bytes.count > length, bytes.count > 30 else { return nil }
            var start = 30
            search: while start < bytes.count - length {
                for offset in 0..<length where bytes[start + offset] != needle.utf8Start[offset] {
                    start += 1
                    continue search
                }
                var value: UInt64 = 0
                var index = start + length
                while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                    value = value &* 10 &+ UInt64(bytes[index] - 0x30)
                    index += 1
                }
                return value
            }
            return nil
        }
    }
}
