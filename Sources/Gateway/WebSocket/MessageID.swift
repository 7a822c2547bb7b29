import SluiceCore

/// The `id` that a client gave its message; replies carry it back.
struct MessageID: Equatable, Sendable {
    /// The id, at most ``Limits/messageIDBytes`` long.
    let text: String

    /// Takes an id over.
    /// - Throws: `InvalidRequest` when it isn't a string or is too long.
    init(_ value: JSONValue) throws(APIError) {
        guard let text = value.string, text.utf8.count <= Limits.messageIDBytes else {
            throw APIError(.invalidRequest, "The id must be a string of at most \(Limits.messageIDBytes) bytes.")
        }
        self.text = text
    }

    /// An id for tests and for what the gateway asks itself.
    init(_ text: String) { self.text = text }
}
