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

    /// Writes the attributes that take so many bytes together, from the first on.
    mutating func write(_ attributes: [RecordAttribute], _ byteCount: Int) {
        let end = offset + byteCount
        for attribute in attributes {
            guard offset < end else { return }
            output.storeBytes(of: attribute.tag.littleEndian, toByteOffset: offset, as: UInt16.self)
            output[offset + 2] = attribute.type.rawValue
            let count = UInt16(truncatingIfNeeded: attribute.value.count)
            output.storeBytes(of: count.littleEndian, toByteOffset: offset + 3, as: UInt16.self)
            offset += RecordAttribute.headByteCount
            attribute.value.withUnsafeBytes { write($0, Int(count)) }
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, _ byteCount: Int) {
        guard byteCount > 0, let source = bytes.baseAddress, let target = output.baseAddress else { return }
        (target + offset).copyMemory(from: source, byteCount: byteCount)
        offset += byteCount
    }
}
