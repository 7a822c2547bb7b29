import SluiceCore

/// Where an issuer publishes its keys.
enum KeySource: Sendable, Equatable {
    /// At this address.
    case keySet(url: String)
    /// Where its configuration says (OpenID Connect Discovery 1.0, section 4).
    case issuer(String)

    /// Checks an address: `https`, or this machine.
    /// - Throws: ``AuthorizerConfigurationError``, which doesn't show it, since it may hold a password.
    static func check(_ url: String, _ name: String) throws(AuthorizerConfigurationError) {
        guard let address = HTTPAddress(url), !address.isInTheClear else {
            throw AuthorizerConfigurationError(
                .invalidURL,
                "\(name) isn't an https URL, or an http URL on this machine. It isn't shown, since it may hold a password."
            )
        }
    }

    /// Where it is, for the log: without what may be a secret.
    var shown: String {
        switch self {
        case .keySet(let url), .issuer(let url): HTTPAddress(url).map { "\($0)" } ?? "an address"
        }
    }

    /// Reads the keys.
    ///
    /// `get`: asks for a document.
    /// - Throws: ``KeySourceError``.
    func fetch(
        _ get: @Sendable (String) async throws(KeySourceError) -> FetchedDocument
    ) async throws(KeySourceError) -> FetchedKeys {
        let document: FetchedDocument
        switch self {
        case .keySet(let url): document = try await get(url)
        case .issuer(let issuer):
            document = try await get(
                try KeySource.keySetURL(in: try await get(KeySource.configurationURL(of: issuer)), of: issuer)
            )
        }
        do {
            let set = try await WebKeySet(document.bytes, path: shown)
            guard !set.hasSecret else { throw KeySourceError(reason: "it publishes a secret as a key") }
            return FetchedKeys(keys: set.keys, freshNanoseconds: document.freshNanoseconds)
        } catch let error as KeySourceError {
            throw error
        } catch {
            throw KeySourceError(reason: "\(error)")
        }
    }

    static func configurationURL(of issuer: String) -> String {
        let bytes =
            issuer.utf8.last == UInt8(ascii: "/") ? String(decoding: issuer.utf8.dropLast(), as: UTF8.self) : issuer
        return bytes + "/.well-known/openid-configuration"
    }

    /// Where the configuration of an issuer says that its keys are (section 4.3: its own name must be the one that was asked for).
    static func keySetURL(in document: FetchedDocument, of issuer: String) throws(KeySourceError) -> String {
        // Not a client's input, but bounded and read as such.
        guard let json = try? JSONValue.asked(for: ["issuer", "jwks_uri"], in: document.bytes) else {
            throw KeySourceError(reason: "its configuration is no JSON object")
        }
        guard json[0]?.byteString == ByteString(issuer) else {
            throw KeySourceError(reason: "its configuration is that of another issuer")
        }
        guard let url = json[1]?.string, let address = HTTPAddress(url), !address.isInTheClear else {
            throw KeySourceError(reason: "its configuration names no https address of a key set")
        }
        return url
    }
}

/// Why an issuer's keys can't be had.
struct KeySourceError: Error, Equatable {
    let reason: String
}

/// Keys of an issuer.
struct FetchedKeys: Sendable {
    let keys: [VerificationKey]
    /// How long they are good, as it says, nanoseconds.
    let freshNanoseconds: UInt64?
}

/// What was sent for an address.
struct FetchedDocument: Sendable, Equatable {
    let bytes: [UInt8]
    /// How long it is good, nanoseconds; nil where nothing is said.
    let freshNanoseconds: UInt64?

    /// What a Cache-Control field says (RFC 9111, section 5.2.2).
    static func freshNanoseconds(_ field: String?) -> UInt64? {
        guard let field else { return nil }
        for directive in ByteString(field).lowercasedASCII.split(separator: ",") {
            let text = directive.utf8.drop { $0 == 0x20 }
            if text.elementsEqual("no-store".utf8) || text.elementsEqual("no-cache".utf8) { return 0 }
            let name = "max-age=".utf8
            guard text.starts(with: name),
                let seconds = UInt64(String(decoding: text.dropFirst(name.count), as: UTF8.self))
            else { continue }
            return seconds > 1 << 32 ? UInt64.max : seconds * 1_000_000_000
        }
        return nil
    }
}
