import Foundation

/// A directory on disk, removed with this object.
final class ScratchDirectory {
    let path: String

    /// Makes it where `TMPDIR` says, or in /tmp: the disk that counts.
    init() throws {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        path = parent + "/sluice-micro-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
