/// The queue by which publishers take the change log's records, as `--queue` names it.
///
/// `sqs`, `sns` and `stream` are queues of those names and kinds. `NAME:KIND` is one of another name, with a position and settings of its own; once
/// it was used, `NAME` is enough.
public struct PublishersQueue: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    /// Its name.
    public let id: QueueID
    /// How records are taken; nil for a name alone, whose kind is that with which it was used before.
    public let semantics: QueueSemantics?

    /// The queue of a kind's name.
    public init(_ semantics: QueueSemantics) {
        id = semantics.queueID
        self.semantics = semantics
    }

    /// Reads what `--queue` was given; nil when it names no queue.
    public init?(rawValue: String) {
        let parts = ByteString(rawValue).split(separator: ":")
        guard parts.count <= 2, let name = parts.first, let id = try? QueueID(name) else { return nil }
        let own = QueueSemantics(rawValue: name.string)
        self.id = id
        guard parts.count == 2 else {
            semantics = own
            return
        }
        // A queue that is named like a kind is of that kind.
        guard let kind = QueueSemantics(rawValue: parts[1].string), own == nil || own == kind else { return nil }
        semantics = kind
    }

    /// As `--queue` takes it.
    public var rawValue: String {
        guard let semantics, semantics.queueID != id else { return id.description }
        return "\(id):\(semantics.rawValue)"
    }

    /// As `--queue` takes it.
    public var description: String { rawValue }
}
