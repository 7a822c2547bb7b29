/// Stored keys and values that are rows of numbers.
extension RawSpan {
    /// The little-endian numbers of 64 bits that the bytes are.
    var numbers: [UInt64] {
        stride(from: 0, to: byteCount - byteCount % 8, by: 8).map {
            UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: $0, as: UInt64.self))
        }
    }

    /// Whether the bytes begin with these.
    func starts(with prefix: [UInt8]) -> Bool {
        guard byteCount >= prefix.count else { return false }
        return withUnsafeBytes { bytes in bytes.starts(with: prefix) }
    }
}

extension [UInt64] {
    /// The numbers, little-endian.
    var storedBytes: [UInt8] {
        flatMap { number in Swift.withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) } }
    }
}
