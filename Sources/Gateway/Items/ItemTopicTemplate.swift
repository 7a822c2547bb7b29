public import SluiceCore

/// How the topic of a change to a table's item is made: text with the placeholders `{table}`, `{key}` and `{operation}`
/// (`INSERT`, `MODIFY` or `REMOVE`).
///
/// A table's name is one level: `/` in it becomes `%2F`, and `%` then `%25`. Otherwise the item `c` of the table `a/b` and the item `b/c` of the
/// table `a` would share a topic, and the right to one would be the right to the other.
public struct ItemTopicTemplate: Sendable, Equatable {
    private enum Part: Sendable, Equatable {
        case text(String)
        case table
        case key
        case operation
    }

    /// The template as it was written.
    public let text: String
    private let parts: [Part]

    /// The template `tables/{table}/{key}`.
    public static let standard = ItemTopicTemplate(
        text: "tables/{table}/{key}",
        parts: [.text("tables/"), .table, .text("/"), .key]
    )

    /// Parses a template.
    /// - Throws: `TopicError` for an unknown placeholder, a brace left open, or text that no
    ///   topic may have.
    public init(_ text: String) throws(TopicError) {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw TopicError(
                    .template,
                    "The topic template '\(text.printable(limit: 80))' has a '{' without '}'."
                )
            }
            let name = rest[rest.index(after: open)..<close]
            switch name {
            case "table": parts.append(.table)
            case "key": parts.append(.key)
            case "operation": parts.append(.operation)
            default:
                throw TopicError(
                    .template,
                    "The placeholder '{\(String(name).printable(limit: 40))}' is not {table}, {key} or {operation}."
                )
            }
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.init(text: text, parts: parts)
        // A template whose own text breaks a rule would refuse every write: say so at start.
        _ = try topic(table: "t", key: "k", operation: .insert)
    }

    private init(text: String, parts: [Part]) {
        self.text = text
        self.parts = parts
    }

    /// Whether the topic depends on what happened to the item.
    public var dependsOnOperation: Bool { parts.contains(.operation) }

    private static func level(_ table: String) -> String {
        let escaped: (UInt8) -> Bool = { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }
        guard table.utf8.contains(where: escaped) else { return table }
        var level: [UInt8] = []
        for byte in table.utf8 {
            switch byte {
            case UInt8(ascii: "/"): level += "%2F".utf8
            case UInt8(ascii: "%"): level += "%25".utf8
            default: level.append(byte)
            }
        }
        return String(decoding: level, as: UTF8.self)
    }

    /// The topic of a change.
    /// - Throws: `TopicError` when table and key don't make a topic.
    public func topic(table: String, key: String, operation: ChangeOperation) throws(TopicError) -> Topic {
        var name = ""
        for part in parts {
            switch part {
            case .text(let text): name += text
            case .table: name += ItemTopicTemplate.level(table)
            case .key: name += key
            case .operation: name += operation.rawValue
            }
        }
        return try Topic(name)
    }
}
