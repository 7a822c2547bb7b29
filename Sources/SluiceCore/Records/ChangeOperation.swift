/// What happened to a table's item; the names are those of DynamoDB Streams' `eventName` (API reference, "Record").
public enum ChangeOperation: String, Sendable, CaseIterable {
    /// The item didn't exist before.
    case insert = "INSERT"
    /// The item existed and has new content.
    case modify = "MODIFY"
    /// The item is gone.
    case remove = "REMOVE"
}
