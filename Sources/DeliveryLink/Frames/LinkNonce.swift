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
