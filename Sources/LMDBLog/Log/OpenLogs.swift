import LMDB
import PosixSupport
import Synchronization

/// The logs that this process has open, by directory: gateway and publisher of one process share the environment, which LMDB allows to
/// be open only once in a process.
enum OpenLogs {
    private struct Listed {
        weak var environment: Environment?
    }

    private static let listed = Mutex<[FileIdentity: Listed]>([:])

    /// The environment of the log in `directory`, with at least that map; opened if it isn't yet.
    /// - Throws: what LMDB refuses.
    static func environment(
        _ directory: String,
        mapSizeBytes: Int,
        maximumDatabases: Int,
        maximumReaders: Int
    ) throws -> Environment {
        // The directory exists; as long as its log is open, its inode is not given to another.
        guard let identity = FileIdentity(path: directory) else {
            throw SystemError("The directory \(directory) can't be used")
        }
        return try listed.withLock { listed in
            // Removed or replaced: what is there now is another log.
            if let open = listed[identity]?.environment, open.isCurrent {
                if open.mapSizeBytes < mapSizeBytes { try open.grow(mapSizeBytes: mapSizeBytes) }
                return open
            }
            let environment = try Environment(
                path: directory,
                mapSizeBytes: mapSizeBytes,
                maximumDatabases: maximumDatabases,
                maximumReaders: maximumReaders
            )
            listed = listed.filter { $0.value.environment != nil }
            listed[identity] = Listed(environment: environment)
            return environment
        }
    }
}
