/// The gateway's answer to a hello: it wants to see that the publisher knows the secret.
struct LinkChallenge: Equatable {
    /// The protocol version that the gateway speaks.
    var version: UInt16
    /// Random bytes, so that the publisher's proof can't be an old one.
    var nonce: LinkNonce
}
