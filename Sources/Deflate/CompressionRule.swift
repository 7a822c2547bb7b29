/// Which messages are compressed, and where it is counted.
package struct CompressionRule: Sendable {
    /// A smaller message goes as it is.
    package let minimumBytes: Int
    private let noted: @Sendable (_ plainBytes: Int, _ compressedBytes: Int) -> Void

    /// `noted` is told of each message that is compressed, which is once for all that share its bytes.
    package init(
        minimumBytes: Int,
        noted: @escaping @Sendable (_ plainBytes: Int, _ compressedBytes: Int) -> Void = { _, _ in }
    ) {
        self.minimumBytes = minimumBytes
        self.noted = noted
    }

    /// Calls `body` with a message's compressed bytes, as ``RawDeflater/withCompressed(_:_:)`` does.
    /// - Returns: nil when the message goes as it is.
    package func withCompressed<Result>(
        _ message: UnsafeRawBufferPointer,
        _ window: DeflateWindow,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        guard message.count >= minimumBytes, let deflater = ThreadCompressors.current.deflater(window) else {
            return nil
        }
        return deflater.withCompressed(message) { compressed in
            noted(message.count, compressed.count)
            return body(compressed)
        }
    }
}
