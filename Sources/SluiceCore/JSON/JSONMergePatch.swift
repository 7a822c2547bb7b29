/// A JSON merge patch (RFC 7396), checked and taken apart once so that applying it is one pass over what it is applied to.
///
/// It splices: what the patch doesn't name keeps its bytes, members keep their order, and keys are compared byte by byte.
public struct JSONMergePatch: Sendable {
    private indirect enum Change: Sendable {
        case remove
        case replace(Range<Int>)
        case merge(Members)
    }

    /// What a patch's object changes, each name once: of one that stands there twice the last one counts.
    private struct Members: Sendable {
        var list: [(name: ByteString, change: Change)] = []
        var places: [ByteString: Int] = [:]
    }

    private let text: [UInt8]
    private let change: Change

    /// Checks a patch.
    /// - Throws: ``JSONError``, also for a key that is longer than ``Limits/jsonKeyBytes`` or can't be compared.
    public init(_ bytes: [UInt8]) throws(JSONError) {
        let value = try JSONValue(bytes)
        text = bytes
        let change = bytes.withUnsafeBytes { whole in
            var scanner = JSONScanner(whole, at: value.range.lowerBound)
            return Result { () throws(JSONError) in try JSONMergePatch.change(&scanner, bytes) }
        }
        self.change = try change.get()
    }

    /// How many bytes the patch has.
    public var byteCount: Int { text.count }

    /// Whether the patch is an object, rather than a value that replaces the whole target.
    public var isObject: Bool { if case .merge = change { true } else { false } }

    /// The text that results when the patch is applied to `target`; no target counts as an empty object.
    public func applied(to target: JSONValue?) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + (target?.range.count ?? 0))
        switch change {
        case .remove: output.append(contentsOf: "null".utf8)
        case .replace(let range): output.append(contentsOf: text[range])
        case .merge(let members):
            if let target, target.kind == .object {
                let outline = target.withScanner { scanner, text in
                    JSONMergePatch.outline(members, &scanner, text)
                }
                target.withText { append(members, to: outline, of: $0, &output) }
            } else {
                append(members, &output)
            }
        }
        return output
    }

    // MARK: The patch

    private static func change(_ scanner: inout JSONScanner, _ text: [UInt8]) throws(JSONError) -> Change {
        switch scanner.current {
        case UInt8(ascii: "n"):
            _ = scanner.skipCheckedValue()
            return .remove
        case UInt8(ascii: "{"):
            var members = Members()
            _ = scanner.skip(UInt8(ascii: "{"))
            while scanner.nextItem() {
                let key = text[scanner.skipCheckedKey()]
                guard JSONString.isKeyShort(key) else { throw .longKey }
                guard let name = JSONString.exactKey(key) else {
                    throw JSONError(
                        .notText,
                        "A key of the merge patch has half of a surrogate pair or U+FFFD as an escape."
                    )
                }
                let change = try change(&scanner, text)
                if let place = members.places[name] {
                    members.list[place].change = change
                } else {
                    members.places[name] = members.list.count
                    members.list.append((name, change))
                }
            }
            _ = scanner.skip(UInt8(ascii: "}"))
            return .merge(members)
        default: return .replace(scanner.skipCheckedValue())
        }
    }

    // MARK: The target

    /// The parts of a target's object: what the patch doesn't name, and each member that it does.
    private struct Outline {
        enum Part {
            case kept(Range<Int>)
            indirect case named(place: Int, key: Range<Int>, inner: Outline?)
        }

        var parts: [Part] = []
        /// By the patch's members: the part that is the last of that name.
        var latest: [Int: Int] = [:]
    }

    /// One pass, also over what is nested: the objects that the patch goes into are outlined where they stand.
    private static func outline(
        _ members: Members,
        _ scanner: inout JSONScanner,
        _ text: [UInt8]
    ) -> Outline {
        var outline = Outline()
        _ = scanner.skip(UInt8(ascii: "{"))
        while scanner.nextItem() {
            let start = scanner.index
            let key = scanner.skipCheckedKey()
            guard let name = JSONString.exactKey(text[key]), let place = members.places[name] else {
                let end = scanner.skipCheckedValue().upperBound
                if case .kept(let run)? = outline.parts.last {
                    outline.parts[outline.parts.count - 1] = .kept(run.lowerBound..<end)
                } else {
                    outline.parts.append(.kept(start..<end))
                }
                continue
            }
            var inner: Outline?
            if case .merge(let members) = members.list[place].change, scanner.current == UInt8(ascii: "{") {
                inner = self.outline(members, &scanner, text)
            } else {
                _ = scanner.skipCheckedValue()
            }
            outline.latest[place] = outline.parts.count
            outline.parts.append(.named(place: place, key: key, inner: inner))
        }
        _ = scanner.skip(UInt8(ascii: "}"))
        return outline
    }

    // MARK: The result

    private func append(_ members: Members, to outline: Outline, of target: [UInt8], _ output: inout [UInt8]) {
        var separator = UInt8(ascii: "{")
        for (index, part) in outline.parts.enumerated() {
            switch part {
            case .kept(let run):
                output.append(separator)
                output.append(contentsOf: target[run])
            case .named(let place, let key, let inner):
                let change = members.list[place].change
                if outline.latest[place] != index { continue }
                if case .remove = change { continue }
                output.append(separator)
                output.append(contentsOf: target[key.lowerBound - 1...key.upperBound])
                output.append(UInt8(ascii: ":"))
                append(change, to: inner, of: target, &output)
            }
            separator = UInt8(ascii: ",")
        }
        append(members, leavingOut: outline.latest, separator, &output)
    }

    private func append(_ change: Change, to inner: Outline?, of target: [UInt8], _ output: inout [UInt8]) {
        if case .merge(let members) = change, let inner {
            append(members, to: inner, of: target, &output)
        } else {
            append(change, &output)
        }
    }

    private func append(_ change: Change, _ output: inout [UInt8]) {
        switch change {
        case .remove: break
        case .replace(let range): output.append(contentsOf: text[range])
        case .merge(let members): append(members, &output)
        }
    }

    private func append(_ members: Members, _ output: inout [UInt8]) {
        append(members, leavingOut: [:], UInt8(ascii: "{"), &output)
    }

    private func append(
        _ members: Members,
        leavingOut known: [Int: Int],
        _ first: UInt8,
        _ output: inout [UInt8]
    ) {
        var separator = first
        for (place, member) in members.list.enumerated() where known[place] == nil {
            if case .remove = member.change { continue }
            output.append(separator)
            separator = UInt8(ascii: ",")
            JSONText.appendString(member.name.utf8, to: &output)
            output.append(UInt8(ascii: ":"))
            append(member.change, &output)
        }
        if separator == UInt8(ascii: "{") { output.append(separator) }
        output.append(UInt8(ascii: "}"))
    }
}
