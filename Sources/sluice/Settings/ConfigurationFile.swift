import Configuration
import Foundation
import Glibc
import SluiceCore

/// The configuration file: one JSON object whose members are the settings' keys.
enum ConfigurationFile {
    /// Largest file that is read, bytes.
    static let maximumBytes = 1024 * 1024

    /// Reads and checks a file.
    /// - Throws: `configuration` when it can't be read, isn't such an object, or has a member that is no setting.
    static func provider(path: String) async throws(CommandError) -> FileProvider<JSONSnapshot> {
        let bytes = try contents(path)
        let object: JSONValue
        do throws(APIError) {
            object = try JSONValue(bytes)
        } catch {
            throw invalid(path, "is not JSON in UTF-8")
        }
        guard let members = object.members else { throw invalid(path, "is not a JSON object") }
        let keys = Set(Setting.all.map(\.key))
        for member in members where !keys.contains(member.key) {
            let nearest = keys.filter { $0.lowercased() == member.key.lowercased().filter { $0 != "-" && $0 != "_" } }
                .first
            throw invalid(
                path,
                "has the member '\(member.key.printable(limit: 40))', which is no setting"
                    + (nearest.map { "; did you mean \($0)?" } ?? " (docs/operations.md lists them)")
            )
        }
        do {
            return try await FileProvider<JSONSnapshot>(
                config: ConfigReader(
                    provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(path), isSecret: false)])
                )
            )
        } catch {
            throw invalid(path, "can't be used: \(error)")
        }
    }

    private static func contents(_ path: String) throws(CommandError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw invalid(path, "can't be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        // Not fstat: where NIO is imported too, the compiler doesn't know which module the structure is from.
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        guard attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? Int else {
            throw invalid(path, "is not a file")
        }
        guard size <= maximumBytes else { throw invalid(path, "has more than \(maximumBytes) bytes") }
        var bytes = [UInt8](repeating: 0, count: size)
        var count = 0
        while count < bytes.count {
            let left = bytes.count - count
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress?.advanced(by: count), left)
            }
            if got < 0 { throw invalid(path, "can't be read: \(String(cString: strerror(errno)))") }
            if got == 0 { break }
            count += got
        }
        return Array(bytes[..<count])
    }

    private static func invalid(_ path: String, _ reason: String) -> CommandError {
        CommandError(.configuration, "The configuration file \(path.printable(limit: 200)) \(reason).")
    }
}
