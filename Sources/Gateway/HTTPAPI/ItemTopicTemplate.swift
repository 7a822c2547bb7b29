public import SluiceCore

/// How the topic of a change to a table's item is made: text with the placeholders `{table}`, `{key}` and `{operation}`
/// (`INSERT`, `MODIFY` or `REMOVE`).
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
    /// - Throws: ``APIError`` with code `InvalidTopic` for an unknown placeholder, a brace left open, or text that no
    ///   topic may have.
    public init(_ text: String) throws(APIError) {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw APIError(
                    .invalidTopic,
                    "The topic template '\(text.printable(limit: 80))' has a '{' without '}'."
                )
            }
            let name = rest[rest.index(after: open)..<close]
            switch name {
            case "table": parts.append(.table)
            case "key": parts.append(.key)
            case "operation": parts.append(.operation)
            default:
                throw APIError(
                    .invalidTopic,
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

    /// The topic of a change.
    /// - Throws: ``APIError`` with code `InvalidTopic` when table and key don't make a topic.
    public func topic(table: String, key: String, operation: ChangeOperation) throws(APIError) -> Topic {
        var name = ""
        for part in parts {
            switch part {
            case .text(let text): name += text
            case .table: name += table
            case .key: name += key
            case .operation: name += operation.rawValue
            }
        }
        return try Topic(name)
    }
}
