import Crypto
import CryptoExtras
import SluiceCore

/// What both ends of a delivery link must know, checked and stretched: whoever got hold of one proof can try secrets against it, so a secret that
/// can be guessed is none.
package struct LinkSecret: Sendable {
    /// Fewest bytes of a secret: what HS256 asks of its keys too (RFC 7518, section 3.2).
    package static let minimumBytes = 32
    /// Fewest different bytes; 16 random bytes in hexadecimal have more.
    static let minimumDistinctBytes = 8

    /// The cost of one guess: 32 MiB and 0.1 to 0.2 s (RFC 7914; 128 * 8 * 2^15 bytes).
    private static let scryptRounds = 1 << 15
    private static let scryptBlockSize = 8

    /// The key of the proofs.
    let key: SymmetricKey

    /// Checks and stretches a secret: once a process, since it takes 32 MiB and 0.1 to 0.2 s.
    /// - Throws: ``LinkError`` with code `weakSecret`, which never shows the secret.
    package init(_ text: String) throws(LinkError) {
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
    package static func ofSetting(_ text: String?) throws(LinkError) -> LinkSecret? {
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

/// How an end shows that it knows the secret without sending it: an HMAC-SHA256 over both ends' random bytes, the
/// gateway's id and its own role.
///
/// The publisher proves itself first, so that a stranger who only connects gets nothing to guess the secret by; what an impostor of a gateway
/// gets is worthless as long as the secret can't be guessed, see ``LinkSecret``. The role keeps an end from sending the other's proof back.
/// A link over TCP without TLS isn't encrypted: it belongs on a private network or in a tunnel.
struct LinkProof {
    /// Whose proof it is.
    enum Role: String {
        case publisher
        case gateway
    }

    private let secret: LinkSecret?
    private let hello: LinkHello
    private let challenge: LinkChallenge

    /// Takes part in a handshake; `secret` is nil when the link does without.
    init(secret: LinkSecret?, hello: LinkHello, challenge: LinkChallenge) {
        self.secret = secret
        self.hello = hello
        self.challenge = challenge
    }

    /// The proof to send; empty without a secret.
    func make(by role: Role) -> [UInt8] {
        guard let key = secret?.key else { return [] }
        return Array(HMAC<SHA256>.authenticationCode(for: statement(by: role), using: key))
    }

    /// Whether `proof` shows that its sender knows the secret; compared in constant time.
    ///
    /// Without a secret every proof does.
    func isValid(_ proof: [UInt8], by role: Role) -> Bool {
        guard let key = secret?.key else { return true }
        return HMAC<SHA256>.isValidAuthenticationCode(proof, authenticating: statement(by: role), using: key)
    }

    private func statement(by role: Role) -> [UInt8] {
        // The parts of fixed length come first, so that no two different handshakes make the same statement.
        Array("sluice link \(LinkVersion.current) \(role.rawValue) ".utf8) + hello.nonce.bytes + challenge.nonce.bytes
            + Array(hello.gateway.utf8)
    }
}
