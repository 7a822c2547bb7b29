package import ChangeQueue
import Glibc
import LMDB
import PosixSupport
package import SluiceCore

/// The append-only log that every change record is committed to, shared by all processes of one data directory.
///
/// A gateway and a publisher of one process share it; a ``LogWriter`` appends, any number of ``LogReader``s read.
package final class ChangeLog: Sendable {
    /// The version of the layout in docs/storage.md.
    ///
    /// 1 had no owners of items; it is read, and becomes 2 when it is opened for writing.
    static let formatVersion: UInt64 = 2
    private static let readVersions: ClosedRange<UInt64> = 1...formatVersion

    /// The random number that the log drew when it was made; part of every record's id.
    package let logID: UInt32
    /// What it was opened with.
    package let configuration: ChangeLogConfiguration
    let environment: Environment
    let databases: LogDatabases
    /// The log's epochs, as they were when it was opened.
    package let epochs: LogEpochs
    // Held as long as this process may write.
    private let writing: FileLock?

    private init(
        environment: Environment,
        databases: LogDatabases,
        configuration: ChangeLogConfiguration,
        logID: UInt32,
        epochs: LogEpochs,
        writing: FileLock? = nil
    ) {
        self.environment = environment
        self.epochs = epochs
        self.writing = writing
        self.databases = databases
        self.configuration = configuration
        self.logID = logID
    }

    /// Reads the log; a reader may be used on any thread.
    package var reader: LogReader { LogReader(log: self) }

    /// Opens the log, and makes it when there is none; several processes may do so at once.
    ///
    /// The first of those that append begins a new epoch.
    /// - Parameters:
    ///   - configuration: where it is, and its limits.
    ///   - appends: whether this process appends; a publisher doesn't.
    /// - Returns: the open log.
    /// - Throws: `cannotOpen`, `versionMismatch` for a directory of other software.
    package static func open(
        _ configuration: ChangeLogConfiguration,
        appends: Bool = true
    ) throws(ChangeQueueError) -> ChangeLog {
        let directory = configuration.directory
        guard !directory.isEmpty else {
            throw ChangeQueueError(.cannotOpen, "The change log has no directory. Name one in the configuration.")
        }
        try ChangeQueueError.onSystem { () throws(SystemError) in try Directory.make(directory) }
        return try ChangeQueueError.typing("open the change log in \(directory)") {
            let environment = try OpenLogs.environment(
                directory,
                mapSizeBytes: mapBytes(for: configuration.mapSizeBytes),
                maximumDatabases: LogDatabases.maximumCount,
                maximumReaders: configuration.maximumReaders
            )
            let databases = try LogDatabases(environment)
            let logID = try environment.write { transaction in
                let logID = try initialize(transaction, databases)
                try transaction.setMeta(.mapSizeBytes, UInt64(clamping: configuration.mapSizeBytes), databases)
                return logID
            }
            let writing = appends ? try EpochLock.enter(directory, environment, databases) : nil
            let epochs = try environment.read { try $0.epochs(databases) }
            // The directory's own entries must be on disk before the first append is acknowledged.
            try Directory.sync(directory)
            return ChangeLog(
                environment: environment,
                databases: databases,
                configuration: configuration,
                logID: logID,
                epochs: epochs,
                writing: writing
            )
        }
    }

    /// Opens an existing log for reading only.
    /// - Throws: `cannotOpen` when there is none, `locked` for a second open in this process, `versionMismatch`.
    package static func openReadOnly(directory: String) throws(ChangeQueueError) -> ChangeLog {
        guard DurableFile.isReadable(directory + "/data.mdb") else {
            if errno == EACCES {
                throw ChangeQueueError(
                    .cannotOpen,
                    "The change log in \(directory) can't be read: \(SystemError.lastReason). Run this as the user whose data directory it is."
                )
            }
            throw ChangeQueueError(
                .cannotOpen,
                """
                There is no change log in \(directory): \(SystemError.lastReason). \
                Start a gateway with this data directory first.
                """
            )
        }
        return try ChangeQueueError.typing("open the change log in \(directory)") {
            let environment = try Environment(
                path: directory,
                mapSizeBytes: 0,
                maximumDatabases: LogDatabases.maximumCount,
                options: .readOnly
            )
            let databases = try LogDatabases(environment)
            var configuration = ChangeLogConfiguration(directory: directory)
            let (logID, epochs) = try environment.read { transaction in
                try checkVersion(try transaction.meta(.formatVersion, databases))
                configuration.mapSizeBytes = Int(clamping: try transaction.meta(.mapSizeBytes, databases))
                let logID = UInt32(truncatingIfNeeded: try transaction.meta(.logID, databases))
                return (logID, try transaction.epochs(databases))
            }
            return ChangeLog(
                environment: environment,
                databases: databases,
                configuration: configuration,
                logID: logID,
                epochs: epochs
            )
        }
    }

    /// Checks the layout's version, or marks a new log with it and draws its number.
    private static func initialize(
        _ transaction: borrowing WriteTransaction,
        _ databases: LogDatabases
    ) throws -> UInt32 {
        let version = try transaction.meta(.formatVersion, databases)
        guard version == 0 else {
            try checkVersion(version)
            if version != formatVersion { try transaction.setMeta(.formatVersion, formatVersion, databases) }
            return UInt32(truncatingIfNeeded: try transaction.meta(.logID, databases))
        }
        let logID = UInt32.random(in: 1 ... .max)
        try transaction.setMeta(.formatVersion, formatVersion, databases)
        try transaction.setMeta(.logID, UInt64(logID), databases)
        return logID
    }

    private static func checkVersion(_ version: UInt64) throws(ChangeQueueError) {
        guard readVersions.contains(version) else {
            throw ChangeQueueError(
                .versionMismatch,
                "The change log has layout version \(version) and this version of Sluice reads up to \(formatVersion)."
            )
        }
    }

    /// LMDB's map is larger than the configured size: deleting needs fresh pages too, so a full log could otherwise
    /// never be trimmed.
    static func mapBytes(for configuredBytes: Int) -> Int {
        let configured = max(configuredBytes, 0)
        let (sum, overflows) = configured.addingReportingOverflow(reserveBytes(for: configured))
        return overflows ? configured : sum
    }

    /// What the map has beyond the configured size, bytes.
    static func reserveBytes(for configuredBytes: Int) -> Int { min(max(configuredBytes / 8, 1 << 20), 256 << 20) }
}
