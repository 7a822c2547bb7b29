import FoundationEssentials

/// A file that is gone after the test.
final class TemporaryFile {
    let path: String

    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "sluice-test-\(UUID().uuidString)").path()
        try write(text)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Replaces the file as a careful program does: by renaming a new one over it.
    func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    }
}
