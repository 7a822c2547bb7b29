import Testing

@testable import DeliveryLink

@Suite struct LinkProofTests {
    private let hello = LinkHello(version: 1, nonce: nonce, gateway: "g")
    private let challenge = LinkChallenge(version: 1, nonce: otherNonce)

    @Test("a proof holds for its role, its nonces, its gateway and its secret only")
    func binding() {
        let proof = LinkProof(secret: "s", hello: hello, challenge: challenge)
        let bytes = proof.make(by: .publisher)
        #expect(bytes.count == 32 && proof.isValid(bytes, by: .publisher))
        #expect(!proof.isValid(bytes, by: .gateway))
        #expect(!proof.isValid([], by: .publisher))
        #expect(!LinkProof(secret: "t", hello: hello, challenge: challenge).isValid(bytes, by: .publisher))
        let old = LinkProof(secret: "s", hello: hello, challenge: LinkChallenge(version: 1, nonce: nonce))
        #expect(!old.isValid(bytes, by: .publisher))
        let elsewhere = LinkProof(
            secret: "s",
            hello: LinkHello(version: 1, nonce: nonce, gateway: "h"),
            challenge: challenge
        )
        #expect(!elsewhere.isValid(bytes, by: .publisher))
    }

    @Test("without a secret, or with an empty one, there is nothing to prove")
    func none() {
        for secret in [nil, ""] {
            let proof = LinkProof(secret: secret, hello: hello, challenge: challenge)
            #expect(proof.make(by: .gateway).isEmpty && proof.isValid([1], by: .publisher))
        }
    }
}
