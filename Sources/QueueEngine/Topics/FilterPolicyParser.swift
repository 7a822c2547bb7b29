import SluiceCore

/// Reads a filter policy and counts what there are limits for.
struct FilterPolicyParser {
    let scope: FilterPolicy.Scope
    /// Keys with conditions so far.
    private(set) var keys = 0

    /// Names of conditions: an object of `$or` that has one of them is a condition, not an alternative (developer guide, "OR operator").
    private static let operators: Set<ByteString> = [
        "prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard", "cidr",
    ]
    /// The most wildcards of one pattern (developer guide, "Filter policy constraints").
    private static let maximumWildcards = 3
    /// The deepest nesting of a policy: what a match may recurse into.
    private static let maximumDepth = 20

    init(scope: FilterPolicy.Scope) { self.scope = scope }

    /// Reads the rules for an object's members.
    mutating func rules(_ value: JSONValue, depth: Int) throws(QueueError) -> FilterPolicy.Rules {
        guard depth <= FilterPolicyParser.maximumDepth else {
            throw FilterPolicy.invalid("it is nested deeper than \(FilterPolicyParser.maximumDepth)")
        }
        guard let members = try? value.members(upTo: Limits.jsonMembers) else {
            throw FilterPolicy.invalid(
                "an object has more than \(Limits.jsonMembers) members, or a key that is too long"
            )
        }
        var rules = FilterPolicy.Rules()
        for member in members {
            if member.key == "$or", let alternatives = FilterPolicyParser.alternatives(member.value) {
                var read: [FilterPolicy.Rules] = []
                for alternative in alternatives { read.append(try self.rules(alternative, depth: depth + 1)) }
                rules.alternatives.append(read)
            } else {
                guard !rules.keys.contains(where: { $0.key == member.key }) else {
                    throw FilterPolicy.invalid("the key '\(shown(member.key))' stands there twice")
                }
                rules.keys.append((member.key, try rule(member, depth: depth)))
            }
        }
        return rules
    }

    private mutating func rule(_ member: JSONMember, depth: Int) throws(QueueError) -> FilterPolicy.Rule {
        switch (member.value.kind, scope) {
        case (.object, .body):
            let inner = try rules(member.value, depth: depth + 1)
            guard !inner.keys.isEmpty || !inner.alternatives.isEmpty else {
                throw FilterPolicy.invalid("the object of the key '\(shown(member.key))' is empty")
            }
            return .object(inner)
        case (.array, _):
            keys += 1
            let most = FilterPolicy.maximumCombinations
            guard let elements = member.value.elements(upTo: most), !elements.isEmpty, elements.count <= most else {
                throw FilterPolicy.invalid("the key '\(shown(member.key))' has none, or more than \(most) values")
            }
            var conditions: [FilterCondition] = []
            for element in elements { conditions.append(try condition(element, of: member.key)) }
            return .value(conditions)
        case (.object, .attributes):
            throw FilterPolicy.invalid(
                "the key '\(shown(member.key))' has an object; attributes aren't nested, only bodies are (FilterPolicyScope MessageBody)"
            )
        default: throw FilterPolicy.invalid("the key '\(shown(member.key))' has no array of conditions")
        }
    }

    private func shown(_ key: ByteString) -> String { key.string.printable(limit: 60) }

    /// The alternatives of an `$or`; nil for an array that is something else, and for a key that only is called so.
    private static func alternatives(_ value: JSONValue) -> [JSONValue]? {
        guard let elements = value.elements(upTo: FilterPolicy.maximumCombinations), elements.count >= 2,
            elements.count <= FilterPolicy.maximumCombinations
        else { return nil }
        let areObjects = elements.allSatisfy { element in
            guard element.kind == .object, let members = try? element.members(upTo: Limits.jsonMembers) else {
                return false
            }
            return !members.isEmpty && !members.contains { operators.contains($0.key) }
        }
        return areObjects ? elements : nil
    }

    // MARK: - Conditions

    private func condition(_ value: JSONValue, of key: ByteString) throws(QueueError) -> FilterCondition {
        switch value.kind {
        case .object: return try operation(value, of: key)
        case .array: throw FilterPolicy.invalid("the key '\(shown(key))' has an array in its array")
        default: return .equals(try exact(value, of: key))
        }
    }

    /// A text, number, true, false or null as it stands there.
    private func exact(_ value: JSONValue, of key: ByteString) throws(QueueError) -> FilterValue {
        guard let exact = FilterValue.values(of: value).first, exact != .incomparable else {
            throw FilterPolicy.invalid("a number of the key '\(shown(key))' isn't from -10^9 to 10^9")
        }
        return exact
    }

    private func operation(_ value: JSONValue, of key: ByteString) throws(QueueError) -> FilterCondition {
        guard let members = try? value.members(upTo: 1), let member = members.first else {
            throw FilterPolicy.invalid("a condition of the key '\(shown(key))' has one operator, such as \"prefix\"")
        }
        switch member.key {
        case "prefix", "suffix", "equals-ignore-case", "wildcard", "cidr":
            return try textOperation(member.key, member.value, of: key)
        case "numeric": return .numeric(try bounds(member.value, of: key))
        case "anything-but": return .anythingBut(try excluded(member.value, of: key))
        case "exists":
            guard let isThere = member.value.boolean else {
                throw FilterPolicy.invalid("exists of the key '\(shown(key))' is true or false")
            }
            return .exists(isThere)
        default:
            throw FilterPolicy.invalid("the key '\(shown(key))' has the unknown operator '\(shown(member.key))'")
        }
    }

    private func textOperation(
        _ name: ByteString,
        _ value: JSONValue,
        of key: ByteString
    ) throws(QueueError) -> FilterCondition {
        guard let text = value.byteString, !text.isEmpty else {
            throw FilterPolicy.invalid("\(name) of the key '\(shown(key))' has a text that isn't empty")
        }
        switch name {
        case "prefix": return .prefix(text)
        case "suffix": return .suffix(text)
        case "equals-ignore-case": return .equalsIgnoringCase(text)
        case "cidr":
            guard let range = AddressRange(text) else {
                throw FilterPolicy.invalid(
                    "'\(shown(text))' of the key '\(shown(key))' is no network, such as 10.0.0.0/24"
                )
            }
            return .network(range)
        default:
            guard let pattern = WildcardPattern(text), pattern.wildcardCount <= FilterPolicyParser.maximumWildcards
            else {
                throw FilterPolicy.invalid(
                    """
                    the wildcard '\(shown(text))' of the key '\(shown(key))' has two * in a row, more than \
                    \(FilterPolicyParser.maximumWildcards), or a backslash before something else than * and a backslash
                    """
                )
            }
            return .wildcard(pattern)
        }
    }

    /// `["=", 5]`, or one or two bounds: `[">", 0, "<=", 150]`.
    private func bounds(_ value: JSONValue, of key: ByteString) throws(QueueError) -> [NumericBound] {
        let elements = value.elements(upTo: 4) ?? []
        var bounds: [NumericBound] = []
        for index in stride(from: 0, to: elements.count - 1, by: 2) {
            guard let comparison = elements[index].string.flatMap(NumericBound.Comparison.init),
                elements[index + 1].kind == .number,
                let number = FilterNumber(String(decoding: elements[index + 1].bytes, as: UTF8.self))
            else { break }
            bounds.append(NumericBound(comparison: comparison, number: number))
        }
        let isPair =
            bounds.count == 2 && [.greater, .greaterOrEqual].contains(bounds[0].comparison)
            && [.less, .lessOrEqual].contains(bounds[1].comparison) && bounds[0].number < bounds[1].number
        guard elements.count == bounds.count * 2, bounds.count == 1 || isPair else {
            throw FilterPolicy.invalid(
                "numeric of the key '\(shown(key))' is [\"=\", number], or a lower and a higher bound such as [\">\", 0, \"<=\", 150]"
            )
        }
        return bounds
    }

    /// A value, several, or a prefix, suffix, wildcard or text in any case, of which there may be several too.
    private func excluded(_ value: JSONValue, of key: ByteString) throws(QueueError) -> [FilterCondition] {
        let most = FilterPolicy.maximumCombinations
        if value.kind == .object {
            guard let members = try? value.members(upTo: 1), let member = members.first,
                ["prefix", "suffix", "wildcard", "equals-ignore-case"].contains(member.key)
            else {
                throw FilterPolicy.invalid(
                    "anything-but of the key '\(shown(key))' has values, a prefix, a suffix, a wildcard or equals-ignore-case"
                )
            }
            var excluded: [FilterCondition] = []
            for text in member.value.elements(upTo: most) ?? [member.value] {
                excluded.append(try textOperation(member.key, text, of: key))
            }
            return try checked(excluded, of: key)
        }
        var excluded: [FilterCondition] = []
        for element in value.elements(upTo: most) ?? [value] {
            guard element.kind == .string || element.kind == .number else {
                throw FilterPolicy.invalid("anything-but of the key '\(shown(key))' lists texts and numbers")
            }
            excluded.append(.equals(try exact(element, of: key)))
        }
        return try checked(excluded, of: key)
    }

    private func checked(_ excluded: [FilterCondition], of key: ByteString) throws(QueueError) -> [FilterCondition] {
        guard (1...FilterPolicy.maximumCombinations).contains(excluded.count) else {
            throw FilterPolicy.invalid("anything-but of the key '\(shown(key))' lists nothing, or too much")
        }
        return excluded
    }

    // MARK: - Limits

    /// The combinations of a policy: the conditions of its keys, each times how deep it stands, multiplied (developer guide, "Filter policy
    /// constraints"); alternatives are added.
    static func combinations(_ rules: FilterPolicy.Rules, depth: Int) -> Int {
        var product = 1
        for (_, rule) in rules.keys {
            switch rule {
            case .value(let conditions): product = times(product, conditions.count * depth)
            case .object(let inner): product = times(product, combinations(inner, depth: depth + 1))
            }
        }
        for alternatives in rules.alternatives {
            product = times(product, alternatives.reduce(0) { min(limit, $0 + combinations($1, depth: depth)) })
        }
        return product
    }

    private static let limit = 1_000_000

    private static func times(_ left: Int, _ right: Int) -> Int { min(limit, left * min(right, limit)) }
}
