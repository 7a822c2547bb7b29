import Crypto
import CryptoExtras
public import SluiceCore

/// What both ends of a delivery link must know, checked and stretched: whoever got hold of one proof can try secrets against it, so a secret that
/// can be guessed is none.
public struct LinkSecret: Sendable {
    /// Fewest bytes of a secret: what HS256 asks of its keys too (RFC 7518, section 3.2).
    public static let minimumBytes = 32
    /// Fewest different bytes; 16 random bytes in hexadecimal have more.
    static let minimumDistinctBytes = 8

    /// The cost of one guess: 32 MiB and 0.1 to 0.2 s (RFC 7914; 128 * 8 * 2^15 bytes).
    private static let scryptRounds = 1 << 15
    private static let scryptBlockSize = 8

    /// The key of the proofs.
    let key: SymmetricKey

    /// Checks and stretches a secret: once a process, since it takes 32 MiB and 0.1 to 0.2 s.
    /// - Throws: ``LinkError`` with code `weakSecret`, which never shows the secret.
    public init(_ text: String) throws(LinkError) {
        let bytes = Array(text.utf8)
        try LinkSecret.check(bytes)
        do {
            key = try KDF.Scrypt.deriveKey(
                from: bytes,
                salt: Array("sluice delivery link".utf8),
                outputByteCount: 32,
                rounds: LinkSecret.scryptRounds,
                blockSize: LinkSecret.scryptBlockSize,
                parallelism: 1
            )
        } catch {
            throw LinkError(.weakSecret, "No key can be made of the link secret: \(error).")
        }
    }

    /// The secret of a setting, in which nil and empty mean that there is none.
    /// - Throws: ``LinkError`` with code `weakSecret`.
    public static func ofSetting(_ text: String?) throws(LinkError) -> LinkSecret? {
        guard let text, !text.isEmpty else { return nil }
        return try LinkSecret(text)
    }

    /// Takes a key as it is, for tests, in which neither strength nor time counts.
    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    /// Refuses what a list of guesses would reach: the length counts without repetition.
    private static func check(_ bytes: [UInt8]) throws(LinkError) {
        let length = lengthWithoutRepetition(bytes)
        guard length >= minimumBytes else {
            let what = length == bytes.count ? "has \(length) bytes" : "repeats \(length) bytes"
            throw weak("it \(what)")
        }
        let distinct = Set(bytes).count
        guard distinct >= minimumDistinctBytes else { throw weak("it has only \(distinct) different bytes") }
    }

    /// The length of the shortest beginning that gives the whole when it is repeated, twice at least: an end that happens to be like the beginning
    /// is no repetition.
    private static func lengthWithoutRepetition(_ bytes: [UInt8]) -> Int {
        let longest = min(bytes.count / 2, minimumBytes - 1)
        let period = (1..<(longest + 1)).first { period in
            (period..<bytes.count).allSatisfy { bytes[$0] == bytes[$0 - period] }
        }
        return period ?? bytes.count
    }

    private static func weak(_ reason: String) -> LinkError {
        LinkError(
            .weakSecret,
            "The link secret can be guessed: \(reason), and at least \(minimumBytes) random ones are needed. "
                + "Make one with 'openssl rand -base64 48' and set it on the gateway and every publisher."
        )
    }
}
