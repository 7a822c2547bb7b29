import FoundationEssentials

/// Base64 with padding (RFC 4648, section 4), for binary payloads inside JSON.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// Appends the base64 form of `bytes`.
    package static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = bytes[index]
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            output.append(alphabet[Int(first >> 2)])
            output.append(alphabet[Int((first & 0x03) << 4 | second >> 4)])
            output.append(left > 1 ? alphabet[Int((second & 0x0F) << 2 | third >> 6)] : UInt8(ascii: "="))
            output.append(left > 2 ? alphabet[Int(third & 0x3F)] : UInt8(ascii: "="))
            index += 3
        }
    }

    /// The bytes that `text` stands for, or nil when it isn't base64 with padding, or has bits that stand for nothing (RFC 4648, section 3.5):
    /// it would come back changed.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        // The library also takes what stands behind padding.
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        guard text.count % 4 == 0, !text.dropLast(padding).contains(UInt8(ascii: "=")) else { return nil }
        if padding > 0, let last = text.dropLast(padding).last, let value = alphabet.firstIndex(of: last) {
            guard value & (padding == 1 ? 0b11 : 0b1111) == 0 else { return nil }
        }
        return Data(base64Encoded: Data(text)).map { Array($0) }
    }
}
