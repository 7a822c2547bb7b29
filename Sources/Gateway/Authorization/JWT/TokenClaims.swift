import SluiceCore

/// What a verified token says.
///
/// A claim of the wrong type makes the token invalid; it is never taken for a missing one.
struct TokenClaims {
    /// Most patterns that are read of one list.
    static let maximumPatterns = 1_000

    let subject: ByteString?
    let issuer: ByteString?
    let audiences: [ByteString]
    /// `exp`, nanoseconds since 1970.
    let expiresAtNanoseconds: UInt64?
    /// `nbf`, nanoseconds since 1970.
    let notBeforeNanoseconds: UInt64?
    let subscribe: [TopicPattern]
    let publish: [TopicPattern]

    /// Reads the payload of a token whose signature is right.
    /// - Throws: `Unauthorized`.
    init(_ payload: [UInt8]) throws(APIError) {
        let claims = try TokenClaims.members(payload)
        subject = try TokenClaims.string(claims[0], "sub")
        if subject?.utf8.containsReplacementCharacter == true {
            throw .invalidToken("its claim 'sub' has U+FFFD or half of a surrogate pair, which is no text")
        }
        if let subject, subject.count > Limits.principalBytes {
            throw .invalidToken("its claim 'sub' has \(subject.count) bytes and the limit is \(Limits.principalBytes)")
        }
        issuer = try TokenClaims.string(claims[1], "iss")
        audiences = try TokenClaims.audiences(claims[2])
        expiresAtNanoseconds = try TokenClaims.date(claims[3], "exp")
        notBeforeNanoseconds = try TokenClaims.date(claims[4], "nbf")
        let rules = claims[5]
        guard rules == nil || rules?.kind == .object else { throw .invalidToken("its claim 'sluice' is not an object") }
        subscribe = try TokenClaims.patterns(rules?["subscribe"], "subscribe")
        publish = try TokenClaims.patterns(rules?["publish"], "publish")
    }

    /// Checks times, issuer and audience.
    /// - Throws: `TokenExpired` or `Unauthorized`.
    func check(_ configuration: JWTConfiguration, atWallNanoseconds now: UInt64) throws(APIError) {
        let leeway = configuration.leewayNanoseconds
        if let expiresAtNanoseconds, now >= expiresAtNanoseconds.saturatingAdd(leeway) { throw .tokenExpired }
        if configuration.requiresExpiration, expiresAtNanoseconds == nil {
            throw .invalidToken("it has no 'exp', which is asked for here")
        }
        if let notBeforeNanoseconds, now.saturatingAdd(leeway) < notBeforeNanoseconds {
            throw .invalidToken("its time has not come yet ('nbf')")
        }
        if let issuer = configuration.issuer, self.issuer != ByteString(issuer) {
            throw .invalidToken("its issuer ('iss') is not the one that is trusted here")
        }
        if let audience = configuration.audience, !audiences.contains(ByteString(audience)) {
            throw .invalidToken("it is not for this audience ('aud')")
        }
    }

    private static func members(_ payload: [UInt8]) throws(APIError) -> [JSONValue?] {
        do throws(JSONError) {
            if let claims = try JSONValue(payload).members(named: ["sub", "iss", "aud", "exp", "nbf", "sluice"]) {
                return claims
            }
        } catch  where error.code != .malformed {
            throw APIError(.unauthorized, "The token's payload is not valid: \(error.message)")
        } catch {
            // Not JSON: said below.
        }
        throw .invalidToken("its payload is not a JSON object")
    }

    private static func string(_ claim: JSONValue?, _ name: String) throws(APIError) -> ByteString? {
        guard let value = claim, value.kind != .null else { return nil }
        guard let string = value.string else { throw .invalidToken("its claim '\(name)' is not a string") }
        return ByteString(string)
    }

    /// A NumericDate: seconds since 1970, perhaps with a fraction (RFC 7519, section 2).
    private static func date(_ claim: JSONValue?, _ name: String) throws(APIError) -> UInt64? {
        guard let value = claim else { return nil }
        guard value.kind == .number, let seconds = Double(String(decoding: value.bytes, as: UTF8.self)), seconds >= 0
        else {
            throw .invalidToken("its claim '\(name)' is not a number of seconds since 1970")
        }
        // Beyond the year 2500 is as good as never, and keeps the multiplication in range.
        return seconds < 17_000_000_000 ? UInt64(seconds * 1_000_000_000) : .max
    }

    private static func audiences(_ value: JSONValue?) throws(APIError) -> [ByteString] {
        guard let value, value.kind != .null else { return [] }
        if let single = value.string { return [ByteString(single)] }
        guard let elements = value.elements(upTo: maximumPatterns), elements.count <= maximumPatterns else {
            throw .invalidToken("its claim 'aud' is neither a string nor an array")
        }
        let names = elements.compactMap(\.byteString)
        guard names.count == elements.count else { throw .invalidToken("its claim 'aud' names what is not a string") }
        return names
    }

    private static func patterns(_ value: JSONValue?, _ name: String) throws(APIError) -> [TopicPattern] {
        guard let value else { return [] }
        guard let elements = value.elements(upTo: maximumPatterns), elements.count <= maximumPatterns else {
            throw .invalidToken(
                "its claim 'sluice.\(name)' is not an array of at most \(maximumPatterns) topic patterns"
            )
        }
        var patterns: [TopicPattern] = []
        for element in elements {
            guard let text = element.string, let pattern = try? TopicPattern(text) else {
                throw .invalidToken("its claim 'sluice.\(name)' has an element that is not a topic pattern")
            }
            patterns.append(pattern)
        }
        return patterns
    }
}
