import NIOCore
import SluiceCore

/// Reads the body of one frame.
///
/// Counts are checked against the bytes that are there before anything is made room for.
struct LinkFrameBody {
    let type: LinkFrameType
    var bytes: ByteBuffer

    /// Received, resolved, length.
    private static let recordHeadBytes = 8 + 8 + 4
    private static let messageScalars = 512

    /// Reads the whole body.
    /// - Throws: ``LinkError`` with code `malformedFrame` when bytes are missing or left over.
    mutating func decode() throws(LinkError) -> LinkFrame {
        let frame = try frame()
        guard bytes.readableBytes == 0 else { throw malformed("it has \(bytes.readableBytes) bytes too many") }
        return frame
    }

    private mutating func frame() throws(LinkError) -> LinkFrame {
        switch type {
        case .hello: .hello(try hello())
        case .challenge: .challenge(try challenge())
        case .proof: .proof(rest())
        case .welcome: .welcome(try welcome())
        case .reject: .reject(try reject())
        case .delivery: .delivery(try delivery())
        case .receipt: .receipt(try receipt())
        case .ping: .ping
        case .pong: .pong
        case .drain: .drain
        }
    }

    // MARK: - Handshake

    private mutating func hello() throws(LinkError) -> LinkHello {
        guard try integer(UInt32.self) == LinkVersion.magic else {
            throw malformed("it doesn't start as a Sluice's does")
        }
        let version = try integer(UInt16.self)
        guard version == LinkVersion.current else {
            _ = rest()
            return LinkHello(version: version, nonce: LinkNonce(bytes: []), gateway: "")
        }
        let nonce = try nonce()
        guard let gateway = String(validating: rest(), as: UTF8.self) else {
            throw malformed("the gateway's id is not UTF-8")
        }
        return LinkHello(version: version, nonce: nonce, gateway: gateway)
    }

    private mutating func challenge() throws(LinkError) -> LinkChallenge {
        let version = try integer(UInt16.self)
        guard version == LinkVersion.current else {
            _ = rest()
            return LinkChallenge(version: version, nonce: LinkNonce(bytes: []))
        }
        return LinkChallenge(version: version, nonce: try nonce())
    }

    private mutating func welcome() throws(LinkError) -> LinkWelcome {
        let credit = LinkCredit(
            bytes: Int(clamping: try integer(UInt64.self)),
            deliveries: Int(try integer(UInt32.self)),
            frameBytes: Int(try integer(UInt32.self))
        )
        guard credit.deliveries > 0, credit.bytes > 0 else { throw malformed("the credit is zero") }
        return LinkWelcome(credit: credit, proof: rest())
    }

    private mutating func reject() throws(LinkError) -> LinkError {
        let code = LinkErrorCode(rawValue: try integer(UInt16.self)) ?? .rejected
        let message = String(decoding: rest(), as: UTF8.self)
        return LinkError(code, message.printable(limit: LinkFrameBody.messageScalars))
    }

    private mutating func nonce() throws(LinkError) -> LinkNonce {
        guard let nonce = bytes.readBytes(length: LinkNonce.byteCount) else { throw truncated() }
        return LinkNonce(bytes: nonce)
    }

    // MARK: - Deliveries and receipts

    private mutating func delivery() throws(LinkError) -> Delivery {
        let id = try integer(UInt64.self)
        let sentAt = try integer(UInt64.self)
        let count = Int(try integer(UInt32.self))
        guard count <= bytes.readableBytes / LinkFrameBody.recordHeadBytes else {
            throw malformed("it names \(count) records, more than its bytes can hold")
        }
        var records: [DeliveredRecord] = []
        records.reserveCapacity(count)
        for _ in 0..<count { records.append(try record()) }
        return Delivery(id: id, records: records, sentAtNanoseconds: sentAt)
    }

    private mutating func record() throws(LinkError) -> DeliveredRecord {
        guard
            let (receivedAt, resolvedAt, length) = bytes.readMultipleIntegers(
                endianness: .little,
                as: (UInt64, UInt64, UInt32).self
            ),
            let encoded = bytes.readSlice(length: Int(length))
        else { throw truncated() }
        return DeliveredRecord(encoded: encoded, receivedAtNanoseconds: receivedAt, resolvedAtNanoseconds: resolvedAt)
    }

    private mutating func receipt() throws(LinkError) -> Receipt {
        let id = try integer(UInt64.self)
        let sockets = try integer(UInt32.self)
        let takenAt = try integer(UInt64.self)
        let writtenAt = try integer(UInt64.self)
        let status = try integer(UInt16.self)
        return Receipt(
            deliveryID: id,
            sockets: sockets,
            slow: try connections(),
            takenAtNanoseconds: takenAt,
            writtenAtNanoseconds: writtenAt,
            status: status == 0 ? .ok : .failed(ReceiptFailure(rawValue: status) ?? .unknown)
        )
    }

    private mutating func connections() throws(LinkError) -> [ConnectionID] {
        let count = Int(try integer(UInt32.self))
        guard count <= bytes.readableBytes / ConnectionID.byteCount else {
            throw malformed("it names \(count) connections, more than its bytes can hold")
        }
        var connections: [ConnectionID] = []
        connections.reserveCapacity(count)
        for _ in 0..<count {
            guard let connection = ConnectionID(from: &bytes) else { throw truncated() }
            connections.append(connection)
        }
        return connections
    }

    // MARK: - Parts

    private mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws(LinkError) -> Integer {
        guard let integer = bytes.readInteger(endianness: .little, as: type) else { throw truncated() }
        return integer
    }

    private mutating func rest() -> [UInt8] { bytes.readBytes(length: bytes.readableBytes) ?? [] }

    private func truncated() -> LinkError { malformed("it ends too early") }

    private func malformed(_ reason: String) -> LinkError {
        LinkError(.malformedFrame, "A \(type) frame of the link is not valid: \(reason).")
    }
}

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
