import GRDB
import SluiceCore
import SubscriptionRegistry

extension RegistryError {
    /// Wraps what GRDB threw while doing `operation` on the file at `path`.
    init(_ error: any Error, _ operation: String, path: String) {
        if let error = error as? RegistryError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(.storage, "The registry \(path) failed to \(operation): \(error)")
            return
        }
        let detail = "\(error.message ?? "no detail") (SQLite code \(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(.corrupt, "The registry \(path) is damaged, seen in: \(operation): \(detail)")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.busy, "Another process held the registry \(path) for too long, in: \(operation): \(detail)")
        case .SQLITE_FULL:
            self.init(.full, "The disk is full, the registry \(path) failed to \(operation). Make room: \(detail)")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
            self.init(
                .cannotOpen,
                "The registry \(path) can't be used. "
                    + "Check that its directory exists and that this user may write there: \(detail)"
            )
        default:
            self.init(.storage, "The registry \(path) failed to \(operation): \(detail)")
        }
    }
}
