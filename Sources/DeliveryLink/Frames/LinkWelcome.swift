/// The end of a handshake: deliveries may come.
struct LinkWelcome: Equatable {
    /// How much may be sent ahead of receipts.
    var credit: LinkCredit
    /// The gateway's own proof that it knows the secret; empty without one.
    var proof: [UInt8]
}
