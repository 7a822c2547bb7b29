import Testing

@testable import DeliveryLink

@Suite struct LinkProofTests {
    private let hello = LinkHello(version: current, nonce: nonce, gateway: "g")
    private let challenge = LinkChallenge(version: current, nonce: otherNonce)

    @Test("a proof holds for its role, its nonces, its gateway and its secret only")
    func binding() {
        let proof = LinkProof(secret: secret("s"), hello: hello, challenge: challenge)
        let bytes = proof.make(by: .publisher)
        #expect(bytes.count == 32 && proof.isValid(bytes, by: .publisher))
        #expect(!proof.isValid(bytes, by: .gateway))
        #expect(!proof.isValid([], by: .publisher))
        #expect(!LinkProof(secret: secret("t"), hello: hello, challenge: challenge).isValid(bytes, by: .publisher))
        let old = LinkProof(secret: secret("s"), hello: hello, challenge: LinkChallenge(version: current, nonce: nonce))
        #expect(!old.isValid(bytes, by: .publisher))
        let elsewhere = LinkProof(
            secret: secret("s"),
            hello: LinkHello(version: current, nonce: nonce, gateway: "h"),
            challenge: challenge
        )
        #expect(!elsewhere.isValid(bytes, by: .publisher))
    }

    @Test("without a secret there is nothing to prove")
    func none() {
        let proof = LinkProof(secret: nil, hello: hello, challenge: challenge)
        #expect(proof.make(by: .gateway).isEmpty && proof.isValid([1], by: .publisher))
    }
}
