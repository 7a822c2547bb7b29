import SluiceCore

/// JSON merge patch (RFC 7396) by splicing: what the patch doesn't name keeps its bytes, and members keep their order.
enum JSONMergePatch {
    /// The text that results when `patch` is applied to `target`; no target counts as one that isn't an object.
    static func apply(_ patch: JSONValue, to target: JSONValue?) -> [UInt8] {
        var output: [UInt8] = []
        merge(patch, into: target, &output)
        return output
    }

    private static func merge(_ patch: JSONValue, into target: JSONValue?, _ output: inout [UInt8]) {
        guard let patchMembers = patch.members else {
            output.append(contentsOf: patch.bytes)
            return
        }
        // Of a key that stands there twice the last counts, as in `JSONValue`'s subscript.
        var changes: [String: JSONValue] = [:]
        for member in patchMembers { changes[member.key] = member.value }
        let targetMembers = target?.members ?? []
        var latest: [String: Int] = [:]
        for (index, member) in targetMembers.enumerated() { latest[member.key] = index }

        output.append(UInt8(ascii: "{"))
        var isFirst = true
        for (index, member) in targetMembers.enumerated() where latest[member.key] == index {
            guard let change = changes.removeValue(forKey: member.key) else {
                appendKey(member.key, &isFirst, &output)
                output.append(contentsOf: member.value.bytes)
                continue
            }
            if change.kind == .null { continue }
            appendKey(member.key, &isFirst, &output)
            merge(change, into: member.value, &output)
        }
        for member in patchMembers {
            guard let change = changes.removeValue(forKey: member.key), change.kind != .null else { continue }
            appendKey(member.key, &isFirst, &output)
            merge(change, into: nil, &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    private static func appendKey(_ key: String, _ isFirst: inout Bool, _ output: inout [UInt8]) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        JSONText.appendString(key, to: &output)
        output.append(UInt8(ascii: ":"))
    }
}
