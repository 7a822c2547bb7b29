import SluiceCore

/// A token in its three parts (RFC 7515, section 3.1), with nothing believed yet: only what chooses the key has been read.
struct CompactToken {
    /// Longest token that is read, bytes.
    static let maximumBytes = 16 * 1024

    /// The header's `alg`.
    let algorithm: ByteString
    /// The header's `kid`.
    let keyIdentifier: ByteString?
    /// What the signature covers: header and payload as they were sent.
    let signed: ArraySlice<UInt8>
    /// The signature.
    let signature: [UInt8]
    /// The payload, decoded.
    let payload: [UInt8]

    /// Takes a token apart.
    /// - Throws: `Unauthorized`.
    init(_ text: String) throws(APIError) {
        guard text.utf8.count <= CompactToken.maximumBytes else {
            throw .invalidToken("it has \(text.utf8.count) bytes and the limit is \(CompactToken.maximumBytes)")
        }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .invalidToken("it is not of the form header.payload.signature in base64url") }
        guard let fields = try? JSONValue(header).members(named: ["alg", "crit", "kid"]),
            let algorithm = fields[0]?.byteString
        else {
            throw .invalidToken("its header is not a JSON object with 'alg'")
        }
        // An extension that must be understood, and isn't (RFC 7515, section 4.1.11).
        guard fields[1] == nil else { throw .invalidToken("its header has 'crit', which is not supported") }
        let identifier = fields[2]
        guard identifier == nil || identifier?.byteString != nil else {
            throw .invalidToken("its 'kid' is not a string")
        }
        self.algorithm = algorithm
        keyIdentifier = identifier?.byteString
        signed = bytes[..<parts[1].endIndex]
        self.signature = signature
        self.payload = payload
    }
}

extension APIError {
    /// A token that isn't accepted, for a reason that helps whoever made it and nobody else.
    static func invalidToken(_ reason: String) -> APIError {
        APIError(.unauthorized, "The token is not valid: \(reason).")
    }
}

/// Base64url without padding (RFC 4648, section 5; RFC 7515, section 2).
enum Base64URL {
    /// The bytes that `text` stands for, or nil when it has a character that doesn't belong there.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var standard: [UInt8] = []
        for character in text {
            switch character {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: standard.append(character)
            }
        }
        if standard.count % 4 == 1 { return nil }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return Base64.decode(standard)
    }
}
