/// A committed record in the bytes that the log stores, with what its way needs to know: the publisher forwards it
/// without opening it.
public struct EncodedRecord: Sendable {
    /// The record's position in the log.
    public let sequence: SequenceNumber
    /// The sequence number of the topic's record before this one.
    public let previous: SequenceNumber
    /// Where it was published.
    public let topic: Topic
    /// When the gateway accepted the request, nanoseconds of ``StageClock``.
    public let acceptedAtNanoseconds: UInt64
    /// The same moment on the wall clock, nanoseconds since 1970.
    public let acceptedAtWallNanoseconds: UInt64
    /// The whole record as ``RecordCodec`` encodes it.
    public let bytes: [UInt8]

    /// Makes an encoded record from its parts; they must be those of `bytes`.
    public init(
        sequence: SequenceNumber,
        previous: SequenceNumber,
        topic: Topic,
        acceptedAtNanoseconds: UInt64,
        acceptedAtWallNanoseconds: UInt64,
        bytes: [UInt8]
    ) {
        self.sequence = sequence
        self.previous = previous
        self.topic = topic
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
        self.acceptedAtWallNanoseconds = acceptedAtWallNanoseconds
        self.bytes = bytes
    }

    /// Copies `bytes` and reads their head; the checksum is left to whoever decodes the record.
    /// - Throws: ``RecordCodecError`` when they don't begin like an encoded record.
    package init(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) {
        let header = try RecordCodec.peek(bytes)
        self.init(
            sequence: header.sequence,
            previous: header.previous,
            topic: header.topic,
            acceptedAtNanoseconds: header.acceptedAtNanoseconds,
            acceptedAtWallNanoseconds: header.acceptedAtWallNanoseconds,
            bytes: Array(bytes)
        )
    }

    /// Encodes a record.
    public init(_ record: ChangeRecord) {
        var bytes: [UInt8] = []
        RecordCodec.encode(record, into: &bytes)
        self.init(
            sequence: record.sequence,
            previous: record.previous,
            topic: record.topic,
            acceptedAtNanoseconds: record.acceptedAtNanoseconds,
            acceptedAtWallNanoseconds: record.acceptedAtWallNanoseconds,
            bytes: bytes
        )
    }

    /// The whole record; checks the checksum.
    /// - Throws: ``RecordCodecError``.
    package func decoded() throws(RecordCodecError) -> ChangeRecord { try RecordCodec.decode(bytes) }
}
