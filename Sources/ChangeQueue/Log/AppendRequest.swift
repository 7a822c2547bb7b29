public import SluiceCore

/// What a client asks the log writer for: one unit, which is stored whole or not at all.
public enum AppendRequest: Sendable {
    /// Records that go into one commit, in this order, and on whose account their new topics go.
    case records([RecordDraft], by: PrincipalID = .server)
    /// An item and its change record.
    case item(ItemWrite)

    /// What the request counts against `maximumPendingBytes`: its bytes and something for its objects.
    package var pendingBytes: Int {
        switch self {
        case .records(let drafts, _):
            drafts.reduce(256) { $0 + $1.payload.count + $1.attributes.taggedByteCount + 256 }
        case .item(let write): write.operation.byteCount + 512
        }
    }
}
