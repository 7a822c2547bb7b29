/// What can be read of an encoded record without touching its payload; see ``RecordCodec/peek(_:)``.
package struct RecordHeader: Hashable, Sendable {
    /// The record's position in the log.
    package let sequence: SequenceNumber
    /// The sequence number of the topic's record before this one.
    package let previous: SequenceNumber
    /// Where it was published.
    package let topic: Topic
    /// When the gateway accepted the request, nanoseconds of ``StageClock``.
    package let acceptedAtNanoseconds: UInt64
    /// The same moment on the wall clock, nanoseconds since 1970.
    package let acceptedAtWallNanoseconds: UInt64
    /// Bytes of the payload.
    package let payloadByteCount: Int

    /// Makes a header from its parts.
    package init(
        sequence: SequenceNumber,
        previous: SequenceNumber,
        topic: Topic,
        acceptedAtNanoseconds: UInt64,
        acceptedAtWallNanoseconds: UInt64,
        payloadByteCount: Int
    ) {
        self.sequence = sequence
        self.previous = previous
        self.topic = topic
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
        self.acceptedAtWallNanoseconds = acceptedAtWallNanoseconds
        self.payloadByteCount = payloadByteCount
    }
}
