/// Which content of the item its change record carries; as DynamoDB Streams' StreamViewType (API reference,
/// "StreamSpecification").
public enum ItemImage: String, Sendable, CaseIterable {
    /// The item as it is now.
    case new
    /// The item as it was before.
    case old
    /// Both.
    case both
    /// Neither: only table and key.
    case keys

    package var includesNew: Bool { self == .new || self == .both }
    package var includesOld: Bool { self == .old || self == .both }
}
