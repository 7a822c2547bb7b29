import NIOCore
import SluiceCore

/// Writes frames.
///
/// Record bytes go straight from where the log put them into the frame's buffer.
enum LinkFrameEncoder {
    private static let lengthBytes = 4
    /// Type, id, sent, record count.
    private static let deliveryHeadBytes = 1 + 8 + 8 + 4
    /// Received, resolved, length.
    private static let recordHeadBytes = 8 + 8 + 4
    /// Longest message of a reject, UTF-8 bytes.
    private static let messageBytes = 512

    /// Length of the frame that `delivery` becomes, bytes, its length prefix included.
    static func byteCount(of delivery: Delivery) -> Int {
        var count = lengthBytes + deliveryHeadBytes
        for record in delivery.records { count += recordHeadBytes + record.byteCount }
        return count
    }

    /// Appends a frame.
    static func encode(_ frame: LinkFrame, into buffer: inout ByteBuffer) {
        switch frame {
        case .hello(let hello): encode(hello, into: &buffer)
        case .challenge(let challenge): encode(challenge, into: &buffer)
        case .proof(let proof): write(.proof, into: &buffer) { $0.writeBytes(proof) }
        case .welcome(let welcome): encode(welcome, into: &buffer)
        case .reject(let error): encode(error, into: &buffer)
        case .delivery(let delivery): encode(delivery, into: &buffer)
        case .receipt(let receipt): encode(receipt, into: &buffer)
        case .ping: write(.ping, into: &buffer) { _ in }
        case .pong: write(.pong, into: &buffer) { _ in }
        case .drain: write(.drain, into: &buffer) { _ in }
        }
    }

    /// Appends a delivery's frame; the caller has checked ``byteCount(of:)`` against the limit.
    static func encode(_ delivery: Delivery, into buffer: inout ByteBuffer) {
        write(.delivery, into: &buffer) { buffer in
            buffer.writeMultipleIntegers(
                delivery.id,
                delivery.sentAtNanoseconds,
                UInt32(truncatingIfNeeded: delivery.records.count),
                endianness: .little
            )
            for record in delivery.records {
                buffer.writeMultipleIntegers(
                    record.receivedAtNanoseconds,
                    record.resolvedAtNanoseconds,
                    UInt32(truncatingIfNeeded: record.byteCount),
                    endianness: .little
                )
                record.write(to: &buffer)
            }
        }
    }

    /// Appends a receipt's frame; a list longer than ``Receipt/maximumListedConnections`` is cut.
    static func encode(_ receipt: Receipt, into buffer: inout ByteBuffer) {
        let status: UInt16 =
            switch receipt.status {
            case .ok: 0
            case .failed(let failure): failure.rawValue
            }
        write(.receipt, into: &buffer) { buffer in
            buffer.writeMultipleIntegers(
                receipt.deliveryID,
                receipt.sockets,
                receipt.takenAtNanoseconds,
                receipt.writtenAtNanoseconds,
                status,
                endianness: .little
            )
            write(receipt.slow.prefix(Receipt.maximumListedConnections), into: &buffer)
        }
    }

    private static func encode(_ hello: LinkHello, into buffer: inout ByteBuffer) {
        write(.hello, into: &buffer) { buffer in
            buffer.writeMultipleIntegers(LinkVersion.magic, hello.version, endianness: .little)
            buffer.writeBytes(hello.nonce.bytes)
            buffer.writeString(hello.gateway)
        }
    }

    private static func encode(_ challenge: LinkChallenge, into buffer: inout ByteBuffer) {
        write(.challenge, into: &buffer) { buffer in
            buffer.writeInteger(challenge.version, endianness: .little)
            buffer.writeBytes(challenge.nonce.bytes)
        }
    }

    private static func encode(_ welcome: LinkWelcome, into buffer: inout ByteBuffer) {
        write(.welcome, into: &buffer) { buffer in
            buffer.writeMultipleIntegers(
                UInt64(clamping: welcome.credit.bytes),
                UInt32(clamping: welcome.credit.deliveries),
                UInt32(clamping: welcome.credit.frameBytes),
                endianness: .little
            )
            buffer.writeBytes(welcome.proof)
        }
    }

    private static func encode(_ error: LinkError, into buffer: inout ByteBuffer) {
        write(.reject, into: &buffer) { buffer in
            buffer.writeInteger(error.code.rawValue, endianness: .little)
            buffer.writeBytes(error.message.utf8.prefix(messageBytes))
        }
    }

    private static func write(_ connections: some Collection<ConnectionID>, into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt32(truncatingIfNeeded: connections.count), endianness: .little)
        for connection in connections { connection.write(to: &buffer) }
    }

    /// Writes the type and the body, then the length in front of them.
    private static func write(_ type: LinkFrameType, into buffer: inout ByteBuffer, body: (inout ByteBuffer) -> Void) {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt32(0), endianness: .little)
        buffer.writeInteger(type.rawValue)
        body(&buffer)
        let length = buffer.writerIndex - start - lengthBytes
        buffer.setInteger(UInt32(truncatingIfNeeded: length), at: start, endianness: .little)
    }
}
