import Glibc

/// Where a data directory's sockets and locks are: `run/` in it, or a short directory in `/tmp` when a socket's path
/// would be too long (`sockaddr_un` holds 107 bytes, and a path that doesn't fit can't be bound).
///
/// The short one's name can be known beforehand, so another user may have made it. Then a random name is taken. The file `run-directory.<uid>` in the
/// data directory, which others can't write, tells all processes of a user the same one.
public struct RunDirectory: Sendable {
    /// The directory, an absolute path.
    public let path: String

    /// Longest name in the directory, bytes.
    static let maximumNameBytes = 44
    private static let maximumPathBytes = 60
    private static let randomNames = 8
    private let use: RunDirectoryUse?

    /// Finds and makes the run directory of the data directory `data`; only its owner may enter it.
    /// - Throws: `cannotOpen` when it can't be made, or belongs to someone else.
    public init(data: String) throws(ChangeQueueError) {
        let direct = DataDirectory.absolute(data) + "/run"
        if direct.utf8.count <= RunDirectory.maximumPathBytes {
            path = direct
            use = nil
        } else {
            try DataDirectory.make(data)
            let use = try RunDirectory.short(for: data)
            path = use.path
            self.use = use
            return
        }
        try DataDirectory.make(path, mode: 0o700)
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw ChangeQueueError(
                .cannotOpen,
                "The run directory \(path) isn't a directory of this user. Remove it, or use a shorter data directory."
            )
        }
    }

    /// The path of the socket or lock called `name`; a name that is too long is replaced by its hash, its extension
    /// kept.
    public func path(for name: String) -> String {
        guard name.utf8.count > RunDirectory.maximumNameBytes else { return path + "/" + name }
        let suffix = name.lastIndex(of: ".").map { String(name[$0...]) } ?? ""
        return path + "/" + RunDirectory.hash(name) + (suffix.utf8.count <= 16 ? suffix : "")
    }

    /// The path of the socket called `name`; see ``path(for:)``.
    public func path(forSocket name: String) -> String { path(for: name) }

    /// The directory that is written down, else the one whose name follows from the data directory's, else a new one; it is written down.
    private static func short(for data: String) throws(ChangeQueueError) -> RunDirectoryUse {
        let record = data + "/run-directory.\(geteuid())"
        // Until this process uses a directory and has written it down: two that start at once shall find the same.
        let lock = try FileLock(record + ".lock", isExclusive: true, waits: true)
        defer { withExtendedLifetime(lock) {} }
        let recorded = recordedPath(record)
        if let recorded, let use = RunDirectoryUse(recorded) { return use }
        let random = (0..<randomNames).map { _ in prefix + hash("\(UInt64.random(in: 0 ... .max))") }
        for path in [shortPath(for: data)] + random {
            guard let use = RunDirectoryUse(path) else { continue }
            try DurableFile.replace(record, with: Array(path.utf8))
            return use
        }
        throw ChangeQueueError(
            .cannotOpen,
            "No run directory of this user can be made in /tmp. Check that it may write there, or use a shorter data directory."
        )
    }

    private static func recordedPath(_ record: String) -> String? {
        guard let bytes = DurableFile.read(record), bytes.count <= maximumPathBytes else { return nil }
        let path = String(decoding: bytes, as: UTF8.self)
        guard path.hasPrefix(prefix), !path.utf8.dropFirst(prefix.utf8.count).contains(UInt8(ascii: "/")) else {
            return nil
        }
        return path
    }

    private static var prefix: String { "/tmp/sluice-\(geteuid())-" }

    /// The same for every spelling of the data directory: links are resolved.
    private static func shortPath(for data: String) -> String {
        var resolved = DataDirectory.absolute(data)
        if let real = realpath(data, nil) {
            resolved = String(cString: real)
            free(real)
        }
        return prefix + hash(resolved)
    }

    /// FNV-1a, 64 bits, in hexadecimal.
    private static func hash(_ text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
