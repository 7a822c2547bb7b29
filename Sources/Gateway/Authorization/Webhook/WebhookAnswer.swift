import SluiceCore

/// What the back end answered.
///
///     {"allow":true,"principal":"alice","subscribe":["orders/#"],"publish":[],"ttlSeconds":60,"expiresInSeconds":3600}
///     {"allow":false,"reason":"The account is closed."}
struct WebhookAnswer: Equatable, Sendable {
    /// Most bytes of an answer that are read.
    static let maximumBytes = 64 * 1024

    var isAllowed: Bool
    /// Whether it is the token that was refused: the back end answered 401.
    var isTokenRefused = false
    /// Told to the client that is refused.
    var reason: String?
    var principal: String?
    /// The topics that may be subscribed to; nil leaves it to a question for each topic.
    var subscribe: [TopicPattern]?
    /// The topics that may be published to; nil leaves it to a question for each topic.
    var publish: [TopicPattern]?
    /// How long the answer may be kept, seconds; nil when it doesn't say.
    var ttlSeconds: Double?
    /// How long the connection may last, seconds; nil for as long as it likes.
    var expiresInSeconds: Double?

    private static let names: [ByteString] = [
        "allow", "reason", "principal", "subscribe", "publish", "ttlSeconds", "expiresInSeconds",
    ]

    /// A plain refusal.
    static func refused(_ reason: String?, isTokenRefused: Bool = false) -> WebhookAnswer {
        var answer = WebhookAnswer(isAllowed: false, reason: reason)
        answer.isTokenRefused = isTokenRefused
        return answer
    }

    /// Reads an answer; nil when it isn't one.
    ///
    /// Whatever is of the wrong type or stands there twice makes all of it worthless: guessing could allow too much.
    init?(json: [UInt8]) {
        guard let members = try? JSONValue(json).members(named: WebhookAnswer.names, isUnique: true),
            let isAllowed = members[0]?.boolean
        else { return nil }
        self.init(isAllowed: isAllowed)
        do throws(Unreadable) {
            reason = try WebhookAnswer.string(members[1])
            principal = try WebhookAnswer.string(members[2])
            if let name = principal?.utf8 {
                guard name.count <= Limits.principalBytes, !name.containsReplacementCharacter else { return nil }
            }
            subscribe = try WebhookAnswer.patterns(members[3])
            publish = try WebhookAnswer.patterns(members[4])
            ttlSeconds = try WebhookAnswer.seconds(members[5])
            expiresInSeconds = try WebhookAnswer.seconds(members[6])
        } catch {
            return nil
        }
    }

    private init(isAllowed: Bool, reason: String? = nil) {
        self.isAllowed = isAllowed
        self.reason = reason
    }

    private struct Unreadable: Error {}

    private static func string(_ value: JSONValue?) throws(Unreadable) -> String? {
        guard let value, value.kind != .null else { return nil }
        guard let string = value.string else { throw Unreadable() }
        return string
    }

    private static func patterns(_ value: JSONValue?) throws(Unreadable) -> [TopicPattern]? {
        guard let value, value.kind != .null else { return nil }
        guard let elements = value.elements(upTo: TokenClaims.maximumPatterns),
            elements.count <= TokenClaims.maximumPatterns
        else { throw Unreadable() }
        var patterns: [TopicPattern] = []
        for element in elements {
            guard let text = element.string, let pattern = try? TopicPattern(text) else { throw Unreadable() }
            patterns.append(pattern)
        }
        return patterns
    }

    private static func seconds(_ value: JSONValue?) throws(Unreadable) -> Double? {
        guard let value, value.kind != .null else { return nil }
        guard value.kind == .number, let seconds = Double(String(decoding: value.bytes, as: UTF8.self)), seconds >= 0
        else {
            throw Unreadable()
        }
        return seconds
    }
}
