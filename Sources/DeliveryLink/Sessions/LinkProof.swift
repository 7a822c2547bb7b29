import Crypto

/// How an end shows that it knows the secret without sending it: an HMAC-SHA256 over both ends' random bytes, the
/// gateway's id and its own role.
///
/// The publisher proves itself first, so that a stranger who only connects gets nothing to guess the secret by; what an impostor of a gateway
/// gets is worthless as long as the secret can't be guessed, see ``LinkSecret``. The role keeps an end from sending the other's proof back.
/// The link isn't encrypted: a TCP link belongs on a private network or in a tunnel.
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
