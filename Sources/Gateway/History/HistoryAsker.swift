import SluiceCore

/// Whom a piece of history work is done for: the connection, and whose it is.
struct HistoryAsker: Hashable, Sendable {
    /// The principal; nil for everyone whom nobody knows, who then share one principal's part.
    let principal: ByteString?
    /// The connection's handler or channel.
    let connection: ObjectIdentifier

    init(_ grant: Grant, _ connection: AnyObject) {
        principal = grant.principal.map { ByteString($0) }
        self.connection = ObjectIdentifier(connection)
    }
}
