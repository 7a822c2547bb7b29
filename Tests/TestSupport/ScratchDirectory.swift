import Foundation

/// A directory of its own for one test, removed with everything in it.
public final class ScratchDirectory: Sendable {
    /// The directory.
    ///
    /// Short, whatever the system's directory for such things is: the path of a Unix socket has to fit behind it.
    public let path: String

    /// Draws a name and makes the directory; or leaves that to the test.
    public init(isMade: Bool = true) {
        path = "/tmp/sluice-test-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        if isMade { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    public func path(_ name: String) -> String { path + "/" + name }

    /// Writes a file as a careful program does: by renaming a new one over it.
    /// - Returns: its path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)), options: .atomic)
        return path(name)
    }
}

/// A file of its own for one test, removed with its directory.
public final class ScratchFile: Sendable {
    /// The file.
    public let path: String
    private let directory = ScratchDirectory()

    /// Writes the file.
    public init(_ text: String) throws { path = try directory.write(text, to: "file") }

    /// Replaces the file, by renaming a new one over it.
    public func write(_ text: String) throws { try directory.write(text, to: "file") }
}
