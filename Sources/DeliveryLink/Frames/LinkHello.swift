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
