import GRDB
import PosixSupport
import SubscriptionRegistry

/// An open SQLite connection and the file that it has open.
struct RegistryConnection: Sendable {
    let database: DatabaseQueue
    let identity: FileIdentity
    let path: String

    /// Whether the path still leads to the file that is open: false once somebody has removed or replaced it.
    var isCurrent: Bool { FileIdentity(path: path) == identity }
}
