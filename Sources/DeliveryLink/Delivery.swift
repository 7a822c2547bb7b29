package import NIOCore
package import SluiceCore

/// What crosses the link in one frame: records for the subscribers that one gateway has, answered by one ``Receipt``.
package struct Delivery: Sendable {
    /// The publisher's number for it, unique among the deliveries that wait for a receipt.
    package var id: UInt64
    /// The records, in the order in which the gateway shall look at them.
    package var records: [DeliveredRecord]
    /// When the publisher handed it to the link, nanoseconds of `StageClock`.
    package var sentAtNanoseconds: UInt64
    /// When the gateway had read the frame, nanoseconds of `StageClock`; zero at the publisher.
    ///
    /// Set by the link, not sent.
    package var takenAtNanoseconds: UInt64

    /// Makes a delivery.
    package init(
        id: UInt64,
        records: [DeliveredRecord],
        sentAtNanoseconds: UInt64,
        takenAtNanoseconds: UInt64 = 0
    ) {
        self.id = id
        self.records = records
        self.sentAtNanoseconds = sentAtNanoseconds
        self.takenAtNanoseconds = takenAtNanoseconds
    }
}

/// A record on its way: its encoded form as the log holds it, which the link doesn't open, and the times that the
/// publisher knows.
package struct DeliveredRecord: Sendable {
    // Two cases, so that neither end converts: the publisher has the array that the log gave, the gateway a slice of
    // what it read.
    private enum Storage: Sendable {
        case array([UInt8])
        case buffer(ByteBuffer)
    }

    private let storage: Storage
    /// When the record was in the publisher's hands, nanoseconds of `StageClock`.
    package let receivedAtNanoseconds: UInt64
    /// When the publisher knew the gateways that have subscribers, nanoseconds of `StageClock`.
    package let resolvedAtNanoseconds: UInt64

    /// Makes a record of the bytes that the log gave.
    package init(encoded: [UInt8], receivedAtNanoseconds: UInt64, resolvedAtNanoseconds: UInt64) {
        storage = .array(encoded)
        self.receivedAtNanoseconds = receivedAtNanoseconds
        self.resolvedAtNanoseconds = resolvedAtNanoseconds
    }

    /// Makes a record of a buffer's readable bytes.
    package init(encoded: ByteBuffer, receivedAtNanoseconds: UInt64, resolvedAtNanoseconds: UInt64) {
        storage = .buffer(encoded)
        self.receivedAtNanoseconds = receivedAtNanoseconds
        self.resolvedAtNanoseconds = resolvedAtNanoseconds
    }

    /// Length of the encoded form, bytes.
    package var byteCount: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .buffer(let buffer): buffer.readableBytes
        }
    }

    /// Decodes the record and checks its checksum.
    /// - Throws: `RecordCodecError`.
    package func decoded() throws(RecordCodecError) -> ChangeRecord {
        switch storage {
        case .array(let bytes): return try RecordCodec.decode(bytes)
        case .buffer(let buffer):
            // A closure would lose the error's type, so the result crosses it as a value.
            let result = buffer.withUnsafeReadableBytes { bytes -> Result<ChangeRecord, RecordCodecError> in
                do throws(RecordCodecError) { return .success(try RecordCodec.decode(bytes)) } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }

    /// Appends the encoded form: the one copy of a record's bytes on the publisher's side.
    func write(to buffer: inout ByteBuffer) {
        switch storage {
        case .array(let bytes): buffer.writeBytes(bytes)
        case .buffer(let encoded): buffer.writeImmutableBuffer(encoded)
        }
    }
}
