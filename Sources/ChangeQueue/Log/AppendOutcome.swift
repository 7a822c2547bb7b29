/// What became of one ``AppendRequest``.
public struct AppendOutcome: Sendable {
    /// The client's own name for the request.
    public let token: UInt64
    /// The records, committed and on disk, in the request's order; or why nothing of the request was stored.
    public let result: Result<[AppendedRecord], ChangeQueueError>
    /// What happened to the item, when the request was one.
    public let item: ItemOutcome?

    /// Makes an outcome.
    public init(token: UInt64, result: Result<[AppendedRecord], ChangeQueueError>, item: ItemOutcome? = nil) {
        self.token = token
        self.result = result
        self.item = item
    }
}
