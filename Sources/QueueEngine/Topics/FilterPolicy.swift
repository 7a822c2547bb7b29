import SluiceCore

/// Which messages a subscription takes: SNS's filter policy (developer guide, "Amazon SNS subscription filter policies").
///
/// All of its keys must match, each by one of its conditions; `$or` holds alternatives of which one must match. It is parsed once, and a match
/// never fails: what can't be compared doesn't match.
public struct FilterPolicy: Sendable {
    /// What of a message is looked at; the raw values are AWS's.
    public enum Scope: String, Hashable, Sendable {
        /// Its attributes.
        case attributes = "MessageAttributes"
        /// Its body, a JSON object.
        case body = "MessageBody"
    }

    /// What a key must be.
    indirect enum Rule: Sendable {
        /// One of these holds for the value.
        case value([FilterCondition])
        /// The value is an object, or an array with one, that these hold for.
        case object(Rules)
    }

    /// What holds for the members of an object.
    struct Rules: Sendable {
        var keys: [(key: ByteString, rule: Rule)] = []
        /// Of each, one must hold.
        var alternatives: [[Rules]] = []
    }

    /// The longest policy, bytes (developer guide, "Filter policy constraints").
    public static let maximumBytes = 262_144
    /// The most keys, and the most combinations of conditions that a message may have to be compared with.
    static let (maximumKeys, maximumCombinations) = (5, 150)

    /// What of a message is looked at.
    public let scope: Scope
    let rules: Rules

    /// Reads a policy.
    /// - Throws: ``QueueError``, `invalidAttribute`, with what is wrong where.
    public init(json: String, scope: Scope = .attributes) throws(QueueError) {
        guard json.utf8.count <= FilterPolicy.maximumBytes else {
            throw FilterPolicy.invalid("it has \(json.utf8.count) bytes, and the limit is \(FilterPolicy.maximumBytes)")
        }
        guard let value = try? JSONValue(Array(json.utf8)), value.kind == .object else {
            throw FilterPolicy.invalid("it isn't a JSON object")
        }
        var parser = FilterPolicyParser(scope: scope)
        rules = try parser.rules(value, depth: 1)
        guard parser.keys <= FilterPolicy.maximumKeys else {
            throw FilterPolicy.invalid("it has \(parser.keys) keys, and the limit is \(FilterPolicy.maximumKeys)")
        }
        let combinations = FilterPolicyParser.combinations(rules, depth: 1)
        guard combinations <= FilterPolicy.maximumCombinations else {
            throw FilterPolicy.invalid(
                "it has \(combinations) combinations of conditions, and the limit is \(FilterPolicy.maximumCombinations)"
            )
        }
        self.scope = scope
    }

    static func invalid(_ reason: String) -> QueueError {
        QueueError(.invalidAttribute, "FilterPolicy isn't valid: \(reason).")
    }

    /// Whether a message is taken.
    ///
    /// `body`: its text, of which the scope ``Scope/body`` needs that it is a JSON object.
    public func matches(body: String, attributes: [MessageAttribute]) -> Bool {
        switch scope {
        case .attributes: FilterPolicy.holds(rules, attributes)
        case .body:
            // One pass for the whole text; what stands in it is looked up where it stands.
            (try? JSONValue(Array(body.utf8))).map { $0.kind == .object && FilterPolicy.holds(rules, in: $0) } ?? false
        }
    }

    // MARK: - Attributes

    private static func holds(_ rules: Rules, _ attributes: [MessageAttribute]) -> Bool {
        rules.keys.allSatisfy { key, rule in
            guard case .value(let conditions) = rule else { return false }
            let values = attributes.first { $0.name == key }.flatMap(FilterValue.values(of:))
            return holds(conditions, values)
        } && rules.alternatives.allSatisfy { $0.contains { holds($0, attributes) } }
    }

    // MARK: - Bodies

    /// Whether the rules hold for an object; nil is one that isn't there.
    private static func holds(_ rules: Rules, in object: JSONValue?) -> Bool {
        rules.keys.allSatisfy { key, rule in
            let member = object?[key]
            switch rule {
            case .value(let conditions): return holds(conditions, member.map(FilterValue.values(of:)))
            case .object(let inner): return holdsNested(inner, in: member)
            }
        } && rules.alternatives.allSatisfy { $0.contains { holds($0, in: object) } }
    }

    /// The same for what may be an array: one of its objects must fit as a whole.
    private static func holdsNested(_ rules: Rules, in value: JSONValue?) -> Bool {
        switch value?.kind {
        case .object: holds(rules, in: value)
        case .array: (value?.elements ?? []).contains { holdsNested(rules, in: $0) }
        // `exists: false` holds for a member of what isn't there.
        default: holds(rules, in: nil)
        }
    }

    /// Whether one condition holds for one of the values; nil is a key that isn't there.
    private static func holds(_ conditions: [FilterCondition], _ values: [FilterValue]?) -> Bool {
        conditions.contains { condition in
            guard case .exists(let isThere) = condition else {
                return values?.contains { condition.holds(for: $0) } ?? false
            }
            return isThere == (values?.isEmpty == false)
        }
    }
}

/// A value that conditions are asked about.
enum FilterValue: Hashable, Sendable {
    case string(ByteString)
    case number(FilterNumber)
    case boolean(Bool)
    case null
    /// A number that is out of the range that is compared: it is there, and equals nothing.
    case incomparable

    /// The values of an attribute; nil for one that filters don't see (developer guide, "Amazon SNS message filtering": Binary is ignored).
    static func values(of attribute: MessageAttribute) -> [FilterValue]? {
        guard case .string(let text) = attribute.value else { return nil }
        switch ByteString(attribute.type) {
        case "String.Array":
            guard let array = try? JSONValue(Array(text.utf8)), array.kind == .array else {
                return [.string(ByteString(text))]
            }
            return values(of: array)
        case let type where type.split(separator: ".").first == "Number":
            return [FilterNumber(text).map { .number($0) } ?? .incomparable]
        default: return [.string(ByteString(text))]
        }
    }

    /// The values of a JSON value: its own, or those of an array, however nested; none for an object.
    static func values(of value: JSONValue) -> [FilterValue] {
        switch value.kind {
        case .object: []
        case .array: (value.elements ?? []).flatMap { values(of: $0) }
        case .string: [.string(value.byteString ?? "")]
        case .number: [FilterNumber(String(decoding: value.bytes, as: UTF8.self)).map { .number($0) } ?? .incomparable]
        case .boolean: [.boolean(value.boolean ?? false)]
        case .null: [.null]
        }
    }
}

/// A number as filters compare it: from -10⁹ to 10⁹, with five digits behind the point (developer guide, "Filter policy constraints").
struct FilterNumber: Hashable, Comparable, Sendable {
    private let hundredThousandths: Int64

    /// Reads a number's text; nil when it isn't one or is out of the range.
    init?(_ text: String) {
        let isDecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        guard isDecimal, let value = Double(text), abs(value) <= 1e9 else { return nil }
        hundredThousandths = Int64((value * 100_000).rounded())
    }

    static func < (left: FilterNumber, right: FilterNumber) -> Bool {
        left.hundredThousandths < right.hundredThousandths
    }
}
