import CSockets
import Glibc

/// What a payload carries for its receivers: when its publish was due and its number, `{"m":"<16 hex time><8 hex number>","p":"xxx…"}`.
struct Marker {
    /// When the publish was due, nanoseconds of ``now()``.
    let due: UInt64
    /// The message's number within the run.
    let number: UInt32

    private static let head: [UInt8] = Array(#"{"m":""#.utf8)
    private static let middle: [UInt8] = Array(#"","p":""#.utf8)
    private static let tail: [UInt8] = Array(#""}"#.utf8)
    private static let digits = 24

    /// Nanoseconds of the clock that all processes of a machine share.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// A payload of `bytes` bytes with room for a marker, see ``write(into:at:)``.
    static func template(bytes: Int) -> [UInt8] {
        let fixed = head.count + digits + middle.count + tail.count
        return head + [UInt8](repeating: 0x30, count: digits) + middle
            + [UInt8](repeating: 0x78, count: max(0, bytes - fixed)) + tail
    }

    /// Writes the marker into a payload that begins at `start`.
    func write(into bytes: inout [UInt8], at start: Int) {
        var position = start + Marker.head.count
        for shift in stride(from: 60, through: 0, by: -4) {
            bytes[position] = Marker.digit(UInt8(truncatingIfNeeded: due >> UInt64(shift)) & 15)
            position += 1
        }
        for shift in stride(from: 28, through: 0, by: -4) {
            bytes[position] = Marker.digit(UInt8(truncatingIfNeeded: number >> UInt32(shift)) & 15)
            position += 1
        }
    }

    /// The marker in `bytes`; `start` is where the payload probably begins, else it is searched for.
    init?(in bytes: UnsafeRawBufferPointer, near start: Int) {
        var position = start
        if !Marker.stands(in: bytes, at: start) {
            guard let base = bytes.baseAddress else { return nil }
            let found = csockets_find(base, bytes.count, Marker.head, Marker.head.count)
            guard found >= 0, Marker.stands(in: bytes, at: found) else { return nil }
            position = found
        }
        position += Marker.head.count
        due = Marker.value(bytes, position, 16)
        number = UInt32(truncatingIfNeeded: Marker.value(bytes, position + 16, 8))
    }

    init(due: UInt64, number: UInt32) {
        self.due = due
        self.number = number
    }

    private static func stands(in bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
        guard start >= 0, start + head.count + digits <= bytes.count else { return false }
        // {"m":" as two words that overlap.
        return bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self) == 0x226D_227B
            && bytes.loadUnaligned(fromByteOffset: start + 2, as: UInt32.self) == 0x223A_226D
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x57 &+ value }

    private static func value(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for position in start..<start + count {
            let byte = bytes[position]
            value = value << 4 | UInt64(byte < 0x3A ? byte &- 0x30 : byte &- 0x57)
        }
        return value
    }
}
