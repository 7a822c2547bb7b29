import NIOCore
import SluiceCore

extension ConnectionID {
    /// Bytes of an id in a frame.
    static let byteCount = 16

    /// Reads an id; nil when bytes are missing.
    init?(from buffer: inout ByteBuffer) {
        guard let (high, low) = buffer.readMultipleIntegers(endianness: .big, as: (UInt64, UInt64).self) else {
            return nil
        }
        self.init(high: high, low: low)
    }

    /// Appends the id.
    func write(to buffer: inout ByteBuffer) { buffer.writeMultipleIntegers(high, low, endianness: .big) }
}
