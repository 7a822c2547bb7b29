import GRDB
import Glibc
import Logging
import PosixSupport
import SluiceCore
import SubscriptionRegistry

/// The registry's file: opens it, makes it when there is none, and sets it aside when it can't be used.
///
/// Everything that makes or moves the file happens under a lock between processes. Without it, two that find the same damage would set
/// each other's new file aside, and a new file could meet the shared-memory index that live processes keep of the old one.
struct RegistryFile: Sendable {
    let path: String
    let configuration: RegistryConfiguration
    let logger: Logger

    /// What to do about a file of another version.
    enum Replacing {
        /// At a start: this version is the one that is wanted.
        case anyOtherVersion
        /// Later: another version's process has put the file there, and setting it aside would go back and forth between the two.
        case damageOnly
    }

    /// Opens the file for reading and writing.
    /// - Throws: `cannotOpen`, `versionMismatch`, or what SQLite answers.
    func open(replacing: Replacing) throws(RegistryError) -> RegistryConnection {
        try locked { () throws(RegistryError) in
            do throws(RegistryError) {
                return try openLocked(checking: replacing == .anyOtherVersion)
            } catch {
                let isOtherVersion = error.code == .versionMismatch && replacing == .anyOtherVersion
                guard error.code == .corrupt || isOtherVersion else { throw error }
                try setAsideLocked(because: error)
                return try openLocked(checking: false)
            }
        }
    }

    /// Opens a file that exists for reading only.
    /// - Throws: `notFound`, `versionMismatch`, or what SQLite answers.
    func openForReading() throws(RegistryError) -> RegistryConnection {
        guard DurableFile.isReadable(path) else {
            let reason = SystemError.lastReason
            // Nobody shall start a second gateway as another user because of it.
            guard FileIdentity(path: path) == nil, errno == ENOENT else {
                throw RegistryError(
                    .cannotOpen,
                    "The registry at \(path) can't be read: \(reason). Run this as the user whose data directory it is."
                )
            }
            throw RegistryError(
                .notFound,
                "There is no registry at \(path). Start a gateway or a publisher with this data directory first."
            )
        }
        var settings = settings
        settings.readonly = true
        let connection = try connect(settings)
        do {
            let state = try connection.database.unsafeRead { db in try Schema.state(db) }
            guard state == .current else { throw mismatch(state) }
        } catch {
            throw RegistryError(error, "open", path: path)
        }
        return connection
    }

    /// Sets a damaged file aside, if it is still the one that `connection` has open.
    func setAside(_ connection: RegistryConnection, because error: RegistryError) throws(RegistryError) {
        try locked { () throws(RegistryError) in
            guard connection.isCurrent else { return }
            try setAsideLocked(because: error)
        }
    }

    // MARK: - Under the lock

    private func locked<Result>(_ body: () throws(RegistryError) -> Result) throws(RegistryError) -> Result {
        let lock: FileLock?
        do throws(SystemError) {
            lock = try FileLock(path + ".lock", isExclusive: true, waits: true, mode: 0o600)
        } catch {
            throw RegistryError(
                .cannotOpen,
                "\(error). Check that the directory exists and that this user may write there."
            )
        }
        defer { withExtendedLifetime(lock) {} }
        return try body()
    }

    private func openLocked(checking: Bool) throws(RegistryError) -> RegistryConnection {
        if FileIdentity(path: path) == nil {
            // SQLite would take the index and the log of a file that was removed for the new one's.
            for suffix in ["-wal", "-shm"] { DurableFile.remove(path + suffix) }
            // SQLite would make it readable to everyone, and gives its two companions the mode that the file has: principals and addresses stand
            // in it, and whoever can read it can lock it.
            DurableFile.makeEmpty(path, mode: 0o640)
        }
        let connection = try connect(settings)
        do {
            try connection.database.writeWithoutTransaction { db in
                // The registry isn't precious (docs/storage.md): a power cut costs a rebuild by the gateways, and a commit costs no sync.
                try db.execute(sql: "PRAGMA synchronous = OFF")
                _ = try Int.fetchOne(db, sql: "PRAGMA journal_size_limit = 16777216")
                switch try Schema.state(db) {
                case .empty: try Schema.create(db)
                case .current: if checking { try Schema.check(db) }
                case .foreign(let version): throw mismatch(.foreign(version: version))
                }
            }
        } catch {
            throw RegistryError(error, "open", path: path)
        }
        return connection
    }

    private func connect(_ settings: Configuration) throws(RegistryError) -> RegistryConnection {
        do {
            // Asked for before and after, so that the identity is that of the file that was opened. SQLite may have made it just now.
            let before = FileIdentity(path: path)
            let database = try DatabaseQueue(path: path, configuration: settings)
            guard let identity = FileIdentity(path: path), before == nil || before == identity else {
                throw RegistryError(.cannotOpen, "The registry \(path) was removed while it was opened. Try again.")
            }
            return RegistryConnection(database: database, identity: identity, path: path)
        } catch {
            throw RegistryError(error, "open", path: path)
        }
    }

    private func setAsideLocked(because error: RegistryError) throws(RegistryError) {
        // One name: the newest of the files that were set aside is kept, so that a disk that goes bad doesn't fill up.
        let aside = path + ".set-aside"
        logger.warning(
            "the registry can't be used: it is set aside and made anew, the gateways fill it again",
            metadata: ["path": "\(path)", "movedTo": "\(aside)", "error": "\(error)"]
        )
        for suffix in ["-wal", "-shm"] { DurableFile.move(path + suffix, to: aside + suffix) }
        let isMoved = DurableFile.move(path, to: aside)
        let reason = SystemError.lastReason
        guard isMoved || !DurableFile.exists(path) else {
            throw RegistryError(
                .cannotOpen,
                "The registry \(path) can't be used and can't be moved to \(aside): \(reason)"
            )
        }
    }

    // MARK: - Settings

    private var settings: Configuration {
        var settings = Configuration()
        settings.label = "sluice.registry"
        settings.journalMode = .wal
        settings.busyMode = .timeout(configuration.busyTimeoutSeconds)
        settings.foreignKeysEnabled = false
        return settings
    }

    private func mismatch(_ state: Schema.State) -> RegistryError {
        let found = if case .foreign(let version) = state { "version \(version)" } else { "no tables" }
        return RegistryError(
            .versionMismatch,
            "The registry \(path) has \(found), this program writes version \(Schema.version). "
                + "Run one version of sluice on a data directory."
        )
    }
}

/// An open SQLite connection and the file that it has open.
struct RegistryConnection: Sendable {
    let database: DatabaseQueue
    let identity: FileIdentity
    let path: String

    /// Whether the path still leads to the file that is open: false once somebody has removed or replaced it.
    var isCurrent: Bool { FileIdentity(path: path) == identity }
}
