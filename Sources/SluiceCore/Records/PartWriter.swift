/// Writes the variable parts of an encoded record one after the other.
struct PartWriter {
    private let output: UnsafeMutableRawBufferPointer
    private var offset: Int

    init(output: UnsafeMutableRawBufferPointer, offset: Int) {
        self.output = output
        self.offset = offset
    }

    mutating func write(_ text: String, _ byteCount: Int) {
        guard byteCount > 0 else { return }
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), byteCount) }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, _ byteCount: Int) {
        guard byteCount > 0, let source = bytes.baseAddress, let target = output.baseAddress else { return }
        (target + offset).copyMemory(from: source, byteCount: byteCount)
        offset += byteCount
    }
}
