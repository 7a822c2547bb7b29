import SluiceCore
import Testing

@testable import DeliveryLink

@Suite struct LinkSecretTests {
    @Test(
        "a secret that can be guessed is refused, and the error doesn't show it",
        arguments: [
            "a", "secret", "0123456789abcdef0123456789abcde", String(repeating: "a", count: 64),
            String(repeating: "changeme-", count: 5), String(repeating: "0123456789abcdef", count: 3),
            String(repeating: "01", count: 16) + "2345",
        ]
    )
    func weak(text: String) {
        do throws(LinkError) {
            _ = try LinkSecret(text)
            Issue.record("a weak secret was taken")
        } catch {
            #expect(error.code == .weakSecret && error.message.contains("openssl rand"))
            #expect(text.utf8.count < 8 || !error.message.contains(text))
        }
    }

    @Test("random bytes in base64 and in hexadecimal are taken, and make the same key each time")
    func strong() throws {
        let repeated = String(repeating: "a repeat is allowed when it is 32 or longer ", count: 2)
        for text in ["q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ", "9f86d081884c7d659a2feaa0c55ad015", repeated] {
            #expect(try proof(text) == proof(text))
        }
        let (one, other) = try (proof("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ"), proof("q83vEjRWeJCrze8SNFZ4kKvN7xI0Vniq"))
        #expect(one != other)
    }

    @Test("a setting that is missing or empty means that there is none")
    func none() throws {
        #expect(try LinkSecret.ofSetting(nil) == nil && LinkSecret.ofSetting("") == nil)
    }

    /// The key shows in what it makes.
    private func proof(_ text: String) throws -> [UInt8] {
        let hello = LinkHello(version: current, nonce: nonce, gateway: "g")
        let challenge = LinkChallenge(version: current, nonce: otherNonce)
        return LinkProof(secret: try LinkSecret(text), hello: hello, challenge: challenge).make(by: .publisher)
    }
}
