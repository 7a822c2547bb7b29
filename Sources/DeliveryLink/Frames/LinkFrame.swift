/// What the two ends say to each other.
///
/// On the wire: `u32` little endian = length of the rest, a type byte, the body.
///
/// publisher: hello → gateway: challenge → publisher: proof → gateway: welcome; then deliveries and pings one way,
/// receipts and pongs the other. Either end may reject, which is its last frame.
enum LinkFrame {
    case hello(LinkHello)
    case challenge(LinkChallenge)
    /// The publisher's HMAC; empty without a secret.
    case proof([UInt8])
    case welcome(LinkWelcome)
    /// Why the sender closes the link.
    case reject(LinkError)
    case delivery(Delivery)
    case receipt(Receipt)
    case ping
    case pong
    /// The gateway takes no more deliveries and will close when it has answered those that it has.
    case drain
}

extension LinkFrame {
    /// The frame's name, for messages.
    var name: String {
        switch self {
        case .hello: "hello"
        case .challenge: "challenge"
        case .proof: "proof"
        case .welcome: "welcome"
        case .reject: "reject"
        case .delivery: "delivery"
        case .receipt: "receipt"
        case .ping: "ping"
        case .pong: "pong"
        case .drain: "drain"
        }
    }
}

/// The publisher's first frame.
struct LinkHello: Equatable {
    /// The protocol version that the publisher speaks.
    ///
    /// The rest is known only when it is ours.
    var version: UInt16
    /// Random bytes, so that the gateway's proof can't be an old one.
    var nonce: LinkNonce
    /// The gateway that the publisher means to reach: an address may have changed hands.
    var gateway: String
}

/// The gateway's answer to a hello: it wants to see that the publisher knows the secret.
struct LinkChallenge: Equatable {
    /// The protocol version that the gateway speaks.
    var version: UInt16
    /// Random bytes, so that the publisher's proof can't be an old one.
    var nonce: LinkNonce
}

/// The end of a handshake: deliveries may come.
struct LinkWelcome: Equatable {
    /// How much may be sent ahead of receipts.
    var credit: LinkCredit
    /// The gateway's own proof that it knows the secret; empty without one.
    var proof: [UInt8]
}

/// The 32 random bytes that an end adds to a handshake.
struct LinkNonce: Equatable {
    /// How many bytes there are.
    static let byteCount = 32

    /// The bytes, which came, were drawn or, in a test, were chosen.
    let bytes: [UInt8]

    /// Draws a nonce from the system's generator.
    static func random() -> LinkNonce {
        var generator = SystemRandomNumberGenerator()
        return LinkNonce(bytes: (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}

/// The version of the link's protocol.
///
/// The hello frame up to the version and the reject frame keep their layout for ever, so that ends of different
/// versions can tell each other so.
enum LinkVersion {
    /// What this end speaks.
    ///
    /// The codec of the records is part of it. 2: the proofs' key is stretched. 3: no lists of connections in deliveries.
    static let current: UInt16 = 3
    /// The first bytes of a hello, "SLNK": whoever connects to the wrong port is told apart.
    static let magic: UInt32 = 0x534C_4E4B
}

/// A frame's first byte.
///
/// Numbers are never reused.
enum LinkFrameType: UInt8 {
    case hello = 1
    case challenge = 2
    case proof = 3
    case welcome = 4
    case reject = 5
    case delivery = 6
    case receipt = 7
    case ping = 8
    case pong = 9
    case drain = 10
}
