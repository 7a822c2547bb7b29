import Foundation
import LMDB
import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

/// A data directory of its own for one test, removed with it.
final class LogScratch: Sendable {
    private let scratch = ScratchDirectory(isMade: false)

    var path: String { scratch.path }

    /// The log's configuration, small where that makes a test faster.
    func configuration(_ change: (inout ChangeLogConfiguration) -> Void = { _ in }) -> ChangeLogConfiguration {
        var configuration = ChangeLogConfiguration(directory: path + "/log")
        configuration.mapSizeBytes = 64 << 20
        configuration.maximumReaders = 64
        change(&configuration)
        return configuration
    }

    /// Opens the log.
    func open(_ change: (inout ChangeLogConfiguration) -> Void = { _ in }) throws -> ChangeLog {
        try ChangeLog.open(configuration(change))
    }

    /// Opens a copy of `log`'s file as it is now: what a restart finds when the process was killed in this moment,
    /// without any closing. The read keeps the pages that are being copied from being used again.
    func openAfterKill(
        _ log: ChangeLog,
        _ change: (inout ChangeLogConfiguration) -> Void = { _ in }
    ) throws -> ChangeLog {
        var configuration = configuration(change)
        configuration.directory = path + "/killed-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: configuration.directory, withIntermediateDirectories: true)
        try log.environment.read { _ in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: log.configuration.directory + "/data.mdb"))
            try bytes.write(to: URL(fileURLWithPath: configuration.directory + "/data.mdb"))
        }
        return try ChangeLog.open(configuration)
    }
}
