/// Why bytes aren't an encoded record.
public enum RecordCodecError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are fewer bytes than the encoding says.
    case truncated(byteCount: Int, neededByteCount: Int)
    /// There are more bytes than the encoding says.
    case trailingBytes(byteCount: Int, neededByteCount: Int)
    /// The version byte isn't one that this software reads.
    case unsupportedVersion(UInt8)
    /// The bytes were changed after they were encoded.
    case checksumMismatch(stored: UInt32, computed: UInt32)
    /// A part isn't what it must be, though the checksum is right: written by faulty software.
    case invalidPart(String)

    /// What was wrong, with the values.
    public var description: String {
        switch self {
        case .truncated(let count, let needed): "the encoded record has \(count) bytes and needs \(needed)"
        case .trailingBytes(let count, let needed): "the encoded record has \(count) bytes and ends after \(needed)"
        case .unsupportedVersion(let version):
            """
            the record has encoding version \(version) and this software reads \(RecordCodec.versions.lowerBound) \
            to \(RecordCodec.versions.upperBound)
            """
        case .checksumMismatch(let stored, let computed):
            "the record's checksum is \(String(computed, radix: 16)), the stored one \(String(stored, radix: 16))"
        case .invalidPart(let part): "the record's \(part) is not valid"
        }
    }
}
