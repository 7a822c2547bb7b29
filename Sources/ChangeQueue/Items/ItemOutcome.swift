public import SluiceCore

/// What an ``ItemWrite`` did.
public struct ItemOutcome: Sendable {
    /// What happened to the item; nil when there was nothing to delete.
    public let operation: ChangeOperation?
    /// Its change record, whose sequence number is the item's new version; nil when there was nothing to delete.
    public let appended: AppendedRecord?

    /// Makes an outcome.
    public init(operation: ChangeOperation?, appended: AppendedRecord?) {
        self.operation = operation
        self.appended = appended
    }

    /// There was no item to delete; nothing was stored.
    public static let notFound = ItemOutcome(operation: nil, appended: nil)
}
