import NIOCore
import SluiceCore

@testable import DeliveryLink

/// The bytes of one frame or several.
func encoded(_ frames: LinkFrame...) -> ByteBuffer {
    var buffer = ByteBuffer()
    for frame in frames { LinkFrameEncoder.encode(frame, into: &buffer) }
    return buffer
}

/// All the frames in some bytes.
func decoded(_ bytes: ByteBuffer, maximumFrameBytes: Int = 1 << 20) throws -> [LinkFrame] {
    var decoder = LinkFrameDecoder()
    decoder.maximumFrameBytes = maximumFrameBytes
    decoder.append(bytes)
    var frames: [LinkFrame] = []
    while let frame = try decoder.next() { frames.append(frame) }
    return frames
}

/// A delivery of so many records, each of so many bytes.
func delivery(_ id: UInt64, records: Int = 1, bytes: Int = 10) -> Delivery {
    Delivery(
        id: id,
        records: (0..<records).map {
            DeliveredRecord(
                encoded: Array(repeating: UInt8(truncatingIfNeeded: Int(id) + $0), count: bytes),
                receivedAtNanoseconds: 100 + id,
                resolvedAtNanoseconds: 200 + id
            )
        },
        sentAtNanoseconds: 300 + id
    )
}

func outgoing(_ deliveries: Delivery...) -> OutgoingDeliveries {
    OutgoingDeliveries(deliveries, maximumFrameBytes: 1 << 20)
}

func bytes(of record: DeliveredRecord) -> [UInt8] {
    var buffer = ByteBuffer()
    record.write(to: &buffer)
    return Array(buffer.readableBytesView)
}

let current = LinkVersion.current
let nonce = LinkNonce(bytes: Array(repeating: 7, count: LinkNonce.byteCount))
let otherNonce = LinkNonce(bytes: Array(repeating: 8, count: LinkNonce.byteCount))

/// A secret whose key is the text itself: neither strength nor the time of stretching counts here.
func secret(_ text: String?) -> LinkSecret? { text.map { LinkSecret(key: Array($0.utf8)) } }

/// One frame of every type.
var everyFrame: [LinkFrame] {
    [
        .hello(LinkHello(version: current, nonce: nonce, gateway: "g")),
        .challenge(LinkChallenge(version: current, nonce: nonce)),
        .proof([1, 2]),
        .welcome(LinkWelcome(credit: LinkCredit(bytes: 1000, deliveries: 3, frameBytes: 2000), proof: [3])),
        .reject(LinkError(.draining, "bye")), .delivery(delivery(1, records: 2)), .receipt(Receipt(deliveryID: 1)),
        .ping, .pong, .drain,
    ]
}
