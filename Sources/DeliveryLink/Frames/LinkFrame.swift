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
