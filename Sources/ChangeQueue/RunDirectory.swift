import Glibc

/// Where a data directory's sockets and locks are: `run/` in it, or a short directory in `/tmp` when a socket's path
/// would be too long (`sockaddr_un` holds 107 bytes, and a path that doesn't fit can't be bound).
public struct RunDirectory: Sendable {
    /// The directory, an absolute path.
    public let path: String

    /// Longest name in the directory, bytes.
    static let maximumNameBytes = 44
    private static let maximumPathBytes = 60

    /// Finds and makes the run directory of the data directory `data`; only its owner may enter it.
    /// - Throws: `cannotOpen` when it can't be made, or when the short one in `/tmp` belongs to someone else.
    public init(data: String) throws(ChangeQueueError) {
        let direct = DataDirectory.absolute(data) + "/run"
        if direct.utf8.count <= RunDirectory.maximumPathBytes {
            path = direct
        } else {
            try DataDirectory.make(data)
            path = RunDirectory.shortPath(for: data)
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

    /// The same for every spelling of the data directory: links are resolved.
    private static func shortPath(for data: String) -> String {
        var resolved = DataDirectory.absolute(data)
        if let real = realpath(data, nil) {
            resolved = String(cString: real)
            free(real)
        }
        return "/tmp/sluice-\(geteuid())-\(hash(resolved))"
    }

    /// FNV-1a, 64 bits, in hexadecimal.
    private static func hash(_ text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
