import ChangeQueue
import LMDB
import Logging
import PosixSupport
import Synchronization

/// An LMDB environment whose commits don't wait for the disk, shared by processes.
///
/// A process crash loses nothing. After a crash of the machine what is in it isn't trusted (``BootMark``), and what is damaged is set aside; its
/// user then begins anew from what is durable.
final class UnsyncedEnvironment: Sendable {
    /// What the log says when something is lost.
    struct Losses {
        /// After a crash of the machine.
        let untrusted: Logger.Message
        /// When the file is damaged.
        let damaged: Logger.Message
    }

    /// What is in the directory.
    static let dataFile = "data.mdb"

    let environment: Environment
    private let directory: String
    private let bootID: String
    // Held shared by everyone who has the environment open.
    private let users: Mutex<FileLock?>

    /// Opens the environment, and makes it when there is none; several processes may do so at once.
    /// - Parameters:
    ///   - directory: its directory; it and its parents are made.
    ///   - mapSizeBytes: the most that the file can grow to.
    ///   - maximumDatabases: named databases that can be open.
    ///   - bootID: the running boot.
    ///   - losses: what the log says of what is lost.
    ///   - logger: told of it.
    /// - Throws: `cannotOpen`, `locked` for a second open in this process.
    init(
        _ directory: String,
        mapSizeBytes: Int,
        maximumDatabases: Int,
        bootID: String,
        losses: Losses,
        logger: Logger
    ) throws(ChangeQueueError) {
        self.directory = directory
        self.bootID = bootID
        try ChangeQueueError.onSystem { () throws(SystemError) in try Directory.make(directory) }
        // Openings and closings take turns, so that nobody opens what another one is about to discard.
        let gate = try UnsyncedEnvironment.lock(directory + "/open.lock")
        defer { withExtendedLifetime(gate) {} }
        let data = directory + "/" + UnsyncedEnvironment.dataFile
        if DurableFile.exists(data), BootMark.read(in: directory)?.isTrusted(bootID: bootID) != true {
            logger.warning(losses.untrusted, metadata: ["directory": "\(directory)"])
            DurableFile.remove(data)
            DurableFile.remove(directory + "/lock.mdb")
        }
        try BootMark(bootID: bootID, isClean: false).write(in: directory)
        users = Mutex(try UnsyncedEnvironment.lock(directory + "/users.lock", isExclusive: false))
        environment = try ChangeQueueError.typing("open \(directory)") {
            func open() throws(LMDBError) -> Environment {
                try Environment(
                    path: directory,
                    mapSizeBytes: mapSizeBytes,
                    maximumDatabases: maximumDatabases,
                    maximumReaders: 256,
                    options: .noSync
                )
            }
            do throws(LMDBError) { return try open() } catch {
                guard error.code == .invalid || error.code == .corrupted else { throw error }
                logger.warning(losses.damaged, metadata: ["error": "\(error)", "kept": "\(data).damaged"])
                DurableFile.move(data, to: data + ".damaged")
                DurableFile.remove(directory + "/lock.mdb")
                return try open()
            }
        }
    }

    /// Syncs the environment, and marks it as whole if nobody else has it open; nothing is written afterwards.
    func close() throws(ChangeQueueError) {
        let gate = try UnsyncedEnvironment.lock(directory + "/open.lock")
        defer { withExtendedLifetime(gate) {} }
        try ChangeQueueError.typing("sync \(directory)") { try environment.sync() }
        users.withLock { $0 = nil }
        let others = try UnsyncedEnvironment.lock(directory + "/users.lock", waits: false)
        if others != nil { try BootMark(bootID: bootID, isClean: true).write(in: directory) }
    }

    /// The lock of a file, exclusive and waited for unless said otherwise.
    private static func lock(
        _ path: String,
        isExclusive: Bool = true,
        waits: Bool = true
    ) throws(ChangeQueueError) -> FileLock? {
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try FileLock(path, isExclusive: isExclusive, waits: waits)
        }
    }
}
