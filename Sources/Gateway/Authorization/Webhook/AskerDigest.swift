import Crypto

/// SHA-256 of what a question says about who asks.
///
/// The cache holds this in place of tokens, cookies and queries: it is short, and nobody can read a token out of it.
struct AskerDigest: Hashable, Sendable {
    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    /// The digest of `bytes`.
    init(_ bytes: [UInt8]) {
        (first, second, third, fourth) = SHA256.hash(data: bytes).withUnsafeBytes { digest in
            (
                digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                digest.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }
}
