import CLMDB
import Glibc
import PosixSupport

/// One LMDB environment: a directory with a memory-mapped file of named databases, shared by processes.
///
/// - Any thread may read; any number of reads run at once, and none waits for the writer.
/// - One thread of all processes writes at a time; ``write(_:)`` waits for its turn.
/// - A read keeps every page that it might see from being used again: keep reads short.
/// - A directory can be open once in a process (``LMDBError/Code/alreadyOpen``).
package final class Environment: Sendable {
    /// The directory.
    package let path: String
    /// How it was opened.
    package let options: EnvironmentOptions
    // LMDB's environment is thread-safe; the pointer never changes.
    private nonisolated(unsafe) let handle: OpaquePointer
    private let mapLock = MapLock()
    private let identity: FileIdentity
    private let watch: FileWatch

    /// Opens the environment in the directory `path`, and creates both unless `.readOnly` is set.
    /// - Parameters:
    ///   - path: a directory.
    ///   - mapSizeBytes: the most that the file can grow to; the file is sparse. A larger file that exists keeps its
    ///     size.
    ///   - maximumDatabases: named databases that can be open.
    ///   - maximumReaders: reads at once, over all processes. Only the process that makes the lock file decides.
    ///   - options: see ``EnvironmentOptions``.
    /// - Throws: `.alreadyOpen` for a second open in this process, `.invalid` or `.versionMismatch` for a foreign file,
    ///   `.system` otherwise.
    package init(
        path: String,
        mapSizeBytes: Int,
        maximumDatabases: Int = 16,
        maximumReaders: Int = 256,
        options: EnvironmentOptions = []
    ) throws(LMDBError) {
        self.path = path
        self.options = options
        if !options.contains(.readOnly), mkdir(path, 0o750) != 0, errno != EEXIST {
            throw LMDBError(.system(errno), operation: "create the directory \(path)")
        }
        identity = try OpenEnvironments.enter(path)
        do throws(LMDBError) {
            handle = try Environment.open(path, mapSizeBytes, maximumDatabases, maximumReaders, options)
        } catch {
            OpenEnvironments.leave(identity)
            throw error
        }
        watch = FileWatch("data.mdb", in: path)
    }

    deinit {
        mdb_env_close(handle)
        OpenEnvironments.leave(identity)
    }

    private static func open(
        _ path: String,
        _ mapSizeBytes: Int,
        _ maximumDatabases: Int,
        _ maximumReaders: Int,
        _ options: EnvironmentOptions
    ) throws(LMDBError) -> OpaquePointer {
        var created: OpaquePointer?
        try LMDBError.check(mdb_env_create(&created), "create an environment")
        guard let handle = created else { throw LMDBError(.system(ENOMEM), operation: "create an environment") }
        do throws(LMDBError) {
            let databases = UInt32(clamping: maximumDatabases)
            try LMDBError.check(mdb_env_set_mapsize(handle, max(mapSizeBytes, 0)), "set the map size \(mapSizeBytes)")
            try LMDBError.check(mdb_env_set_maxdbs(handle, databases), "set the number of databases \(databases)")
            try LMDBError.check(
                mdb_env_set_maxreaders(handle, UInt32(clamping: maximumReaders)),
                "set the number of readers \(maximumReaders)"
            )
            try LMDBError.check(mdb_env_open(handle, path, options.flags, 0o640), "open \(path)")
        } catch {
            mdb_env_close(handle)
            throw error
        }
        return handle
    }

    // MARK: Transactions

    /// Runs `body` with a consistent view of the moment in which it starts.
    /// - Throws: ``LMDBError`` when the transaction can't start, and whatever `body` throws.
    package func read<Result>(_ body: (borrowing ReadTransaction) throws -> Result) throws -> Result {
        guard watch.wasCurrent else { throw replaced }
        let pointer = try begin(flags: UInt32(MDB_RDONLY))
        defer {
            mdb_txn_abort(pointer)
            mapLock.unlock()
        }
        return try body(ReadTransaction(pointer: TransactionPointer(raw: pointer)))
    }

    /// Runs `body` in the one write transaction, after waiting for its turn; commits when it returns, undoes everything
    /// when it throws.
    /// - Throws: ``LMDBError`` when the transaction can't start or commit (`.mapFull` among them), and whatever `body`
    ///   throws.
    package func write<Result>(_ body: (borrowing WriteTransaction) throws -> Result) throws -> Result {
        guard watch.isCurrent else { throw replaced }
        let pointer = try begin(flags: 0)
        defer { mapLock.unlock() }
        let result: Result
        do {
            result = try body(WriteTransaction(pointer: TransactionPointer(raw: pointer)))
        } catch {
            mdb_txn_abort(pointer)
            throw (error as? LMDBError).map(seenOnDisk) ?? error
        }
        do throws(LMDBError) {
            try LMDBError.check(mdb_txn_commit(pointer), "commit in \(path)")
        } catch {
            throw seenOnDisk(error)
        }
        return result
    }

    /// Whether the directory still holds the file that is open.
    package var isCurrent: Bool { watch.isCurrent }

    /// The most bytes that the file can grow to.
    package var mapSizeBytes: Int {
        var info = MDB_envinfo()
        return mdb_env_info(handle, &info) == 0 ? info.me_mapsize : 0
    }

    private var replaced: LMDBError { LMDBError(.replaced, operation: "use \(path)") }

    /// LMDB takes a write that came out short for EIO, and it is what a disk does when it gets full: the file system knows.
    private func seenOnDisk(_ error: LMDBError) -> LMDBError {
        guard error.code == .system(EIO), let free = FreeSpace.bytes(at: path), free < Environment.fullDiskBytes else {
            return error
        }
        return LMDBError(.system(ENOSPC), operation: "write in \(path)")
    }

    /// Less free space than a commit may need.
    private static let fullDiskBytes: UInt64 = 1 << 20

    /// Opens a named database, and creates it when `options` say so.
    /// - Throws: `.notFound` when it doesn't exist, `.incompatible` when it was created with other options.
    package func openDatabase(_ name: String, options: DatabaseOptions = []) throws(LMDBError) -> Database {
        let creates = options.contains(.create) && !self.options.contains(.readOnly)
        let pointer = try begin(flags: creates ? 0 : UInt32(MDB_RDONLY))
        defer { mapLock.unlock() }
        var identifier: MDB_dbi = 0
        var flags = options.flags
        if !creates { flags &= ~UInt32(MDB_CREATE) }
        let returnCode = mdb_dbi_open(pointer, name, flags, &identifier)
        guard returnCode == 0 else {
            mdb_txn_abort(pointer)
            throw LMDBError(returnCode: returnCode, operation: "open the database '\(name)' in \(path)")
        }
        // The commit, also of a read transaction, is what makes the handle outlive it.
        try LMDBError.check(mdb_txn_commit(pointer), "open the database '\(name)' in \(path)")
        return Database(name: name, identifier: identifier)
    }

    /// Starts a transaction with the map lock held shared.
    ///
    /// Follows a map that another process has grown.
    private func begin(flags: UInt32) throws(LMDBError) -> OpaquePointer {
        for _ in 0..<8 {
            mapLock.lockShared()
            var pointer: OpaquePointer?
            let returnCode = mdb_txn_begin(handle, nil, flags, &pointer)
            if returnCode == 0, let pointer { return pointer }
            mapLock.unlock()
            guard returnCode == MDB_MAP_RESIZED else {
                throw LMDBError(returnCode: returnCode, operation: "begin a transaction in \(path)")
            }
            try setMapSize(0, "follow the grown map of \(path)")
        }
        throw LMDBError(.mapResized, operation: "begin a transaction in \(path)")
    }

    // MARK: The environment as a whole

    /// Grows the map; other processes follow when they next begin a transaction.
    ///
    /// Waits for this process's transactions to end, so it must not be called inside one.
    /// - Throws: `.system` when the size can't be mapped.
    package func grow(mapSizeBytes: Int) throws(LMDBError) {
        try setMapSize(max(mapSizeBytes, 0), "set the map size \(mapSizeBytes) of \(path)")
    }

    private func setMapSize(_ bytes: Int, _ operation: String) throws(LMDBError) {
        mapLock.lockExclusively()
        defer { mapLock.unlock() }
        try LMDBError.check(mdb_env_set_mapsize(handle, bytes), operation)
    }

    /// Frees the reader slots of processes that died, so that their old views don't keep pages in use.
    /// - Returns: how many were freed.
    /// - Throws: `.system` when the lock file can't be read.
    package func checkReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try LMDBError.check(mdb_reader_check(handle, &dead), "check the readers of \(path)")
        return Int(dead)
    }

    /// Writes everything to disk, also with `.noSync`.
    /// - Throws: `.system` when the disk fails.
    package func sync() throws(LMDBError) {
        try LMDBError.check(mdb_env_sync(handle, 1), "sync \(path)")
    }

    /// The identifier of the last committed transaction of any process, as a read that starts now would see it: a cheap
    /// way to learn whether anything was committed since.
    ///
    /// It is asked by starting a read. `mdb_env_info` would name a transaction whose commit is still being synced, which
    /// no read sees yet: whoever remembered that number would take the commit for one that was looked at.
    package var lastTransactionIdentifier: UInt64 { (try? read { $0.identifier }) ?? .max }

    /// Pages that the file has ever needed, free ones included; cheap, unlike ``statistics()``.
    package var filePages: Int {
        var info = MDB_envinfo()
        return mdb_env_info(handle, &info) == 0 ? info.me_last_pgno + 1 : 0
    }

    /// Sizes of the environment; reads the whole list of free pages, so it isn't for a hot path.
    /// - Throws: ``LMDBError`` when the list can't be read.
    package func statistics() throws -> EnvironmentStatistics {
        var info = MDB_envinfo()
        var stat = MDB_stat()
        mapLock.lockShared()
        let returnCode = mdb_env_info(handle, &info) | mdb_env_stat(handle, &stat)
        mapLock.unlock()
        try LMDBError.check(returnCode, "read the statistics of \(path)")
        let freePages = try read { try $0.freePages() }
        return EnvironmentStatistics(
            pageSizeBytes: Int(stat.ms_psize),
            mapSizeBytes: info.me_mapsize,
            filePages: info.me_last_pgno + 1,
            freePages: freePages,
            readersInUse: Int(info.me_numreaders),
            maximumReaders: Int(info.me_maxreaders)
        )
    }
}
