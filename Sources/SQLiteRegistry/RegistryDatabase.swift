import Dispatch
import GRDB
package import Logging
package import SubscriptionRegistry
import Synchronization

/// Who is connected, to which gateway, and subscribed to what: a SQLite file that gateways write and publishers follow.
///
/// It isn't precious: connections die with their gateway, and a gateway whose rows are lost writes them again from memory. Any number of
/// processes may use one file at the same time. A gateway writes through ``RegistryWriter``, a publisher reads through
/// ``SubscriptionIndex``; what is here is for the seldom things. Every call may come from any thread and blocks it while SQLite works.
package final class RegistryDatabase: Sendable {
    let file: RegistryFile
    private let connection: Mutex<RegistryConnection>
    private let isReadOnly: Bool
    // Removes what lapsed gateways have left, so that no publisher's loop waits for it.
    let removals = DispatchQueue(label: "sluice.registry.removals", qos: .utility)

    /// Opens the registry at `path` and makes it when there is none.
    ///
    /// A file that is damaged or of another version is set aside and made anew.
    /// - Throws: `RegistryError` when the file can't be opened or made.
    package convenience init(
        path: String,
        configuration: RegistryConfiguration = RegistryConfiguration(),
        logger: Logger = Logger(label: "sluice.registry")
    ) throws(RegistryError) {
        let file = RegistryFile(path: path, configuration: configuration, logger: logger)
        self.init(file: file, connection: try file.open(replacing: .anyOtherVersion), isReadOnly: false)
    }

    /// Opens a registry that exists, for looking only.
    /// - Throws: `RegistryError` with code `notFound` when there is none, `versionMismatch` when it is another version's.
    package static func openReadOnly(
        path: String,
        logger: Logger = Logger(label: "sluice.registry")
    ) throws(RegistryError) -> RegistryDatabase {
        let file = RegistryFile(path: path, configuration: RegistryConfiguration(), logger: logger)
        return RegistryDatabase(file: file, connection: try file.openForReading(), isReadOnly: true)
    }

    private init(file: RegistryFile, connection: RegistryConnection, isReadOnly: Bool) {
        self.file = file
        self.connection = Mutex(connection)
        self.isReadOnly = isReadOnly
    }

    /// Reads in one transaction.
    func read<Value>(_ operation: String, _ body: (Database) throws -> Value) throws(RegistryError) -> Value {
        let database = try current().database
        do {
            return try database.read(body)
        } catch {
            throw RegistryError(error, operation, path: file.path)
        }
    }

    /// Writes in one transaction.
    func write<Value>(_ operation: String, _ body: (Database) throws -> Value) throws(RegistryError) -> Value {
        let database = try current().database
        do {
            return try database.write(body)
        } catch {
            throw RegistryError(error, operation, path: file.path)
        }
    }

    /// Removes what gateways that were removed have left; on the queue for it.
    func removeLeftovers() {
        do {
            try current().removeLeftovers(atMost: file.configuration.interestsPerTransaction)
        } catch {
            // The next gateway that starts removes it.
            file.logger.warning(
                "what a lapsed gateway has left stays in the registry for now",
                metadata: ["error": "\(error)"]
            )
        }
    }

    /// The connection to the file that is at the path now.
    private func current() throws(RegistryError) -> RegistryConnection {
        let connection = connection.withLock { $0 }
        guard !connection.isCurrent else { return connection }
        let reopened = try isReadOnly ? file.openForReading() : file.open(replacing: .damageOnly)
        self.connection.withLock { $0 = reopened }
        return reopened
    }
}
