import SluiceCore

extension EncodedRecord {
    /// Copies a record whose head was read already.
    init(_ header: RecordHeader, _ bytes: UnsafeRawBufferPointer) {
        self.init(
            sequence: header.sequence,
            previous: header.previous,
            topic: header.topic,
            acceptedAtNanoseconds: header.acceptedAtNanoseconds,
            acceptedAtWallNanoseconds: header.acceptedAtWallNanoseconds,
            bytes: Array(bytes)
        )
    }
}
