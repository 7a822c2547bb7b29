import Crypto
import QueueEngine
import SluiceCore

/// The sums that SQS's clients check what they have sent by (developer guide, "Amazon SQS message metadata", MD5 message digest).
enum MessageDigest {
    /// Of a body.
    static func body(_ text: String) -> String { hex(Insecure.MD5.hash(data: Array(text.utf8))) }

    /// Of attributes; nil when there are none.
    static func attributes(_ attributes: [MessageAttribute]) -> String? {
        guard !attributes.isEmpty else { return nil }
        var digest = Insecure.MD5()
        for attribute in attributes.sorted(by: { $0.name < $1.name }) {
            update(&digest, Array(attribute.name.utf8))
            update(&digest, Array(attribute.type.utf8))
            if case .string = attribute.value {
                digest.update(data: [1] as [UInt8])
            } else {
                digest.update(data: [2] as [UInt8])
            }
            update(&digest, attribute.valueBytes)
        }
        return hex(digest.finalize())
    }

    /// Of the trace header, the only system attribute.
    static func systemAttributes(_ traceHeader: String?) -> String? {
        traceHeader.flatMap {
            attributes([MessageAttribute(name: "AWSTraceHeader", type: "String", value: .string($0))])
        }
    }

    private static func update(_ digest: inout Insecure.MD5, _ bytes: [UInt8]) {
        withUnsafeBytes(of: UInt32(clamping: bytes.count).bigEndian) { digest.update(bufferPointer: $0) }
        digest.update(data: bytes)
    }

    private static func hex(_ digest: some Sequence<UInt8>) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
