package import ChangeQueue
import Glibc
import PosixSupport

/// Where a data directory's sockets and locks are: `run/` in it, or a short directory in `/tmp` when a socket's path
/// would be too long (`sockaddr_un` holds 107 bytes, and a path that doesn't fit can't be bound).
///
/// The short one's name can be known beforehand, so another user may have made it. Then a random name is taken. The file `run-directory.<uid>` in the
/// data directory, which others can't write, tells all processes of a user the same one.
package struct RunDirectory: Sendable {
    /// The directory, an absolute path.
    package let path: String

    /// Longest name in the directory, bytes.
    static let maximumNameBytes = 44
    private static let maximumPathBytes = 60
    private static let randomNames = 8
    private let use: RunDirectoryUse?

    /// Finds and makes the run directory of the data directory `data`; only its owner may enter it.
    /// - Throws: `cannotOpen` when it can't be made, or belongs to someone else.
    package init(data: String) throws(ChangeQueueError) {
        let direct = Directory.absolute(data) + "/run"
        if direct.utf8.count <= RunDirectory.maximumPathBytes {
            path = direct
            use = nil
        } else {
            try ChangeQueueError.onSystem { () throws(SystemError) in try Directory.make(data) }
            let use = try RunDirectory.short(for: data)
            path = use.path
            self.use = use
            return
        }
        try ChangeQueueError.onSystem { [path] () throws(SystemError) in try Directory.make(path, mode: 0o700) }
        guard Directory.isOwn(path) else { throw notOwn }
    }

    /// Makes the directory again if somebody has removed it under this process; the data directory itself isn't made again.
    /// - Throws: `cannotOpen` when it can't be made, or belongs to someone else.
    package func restore() throws(ChangeQueueError) {
        if FileIdentity(path: path, followsLink: false) == nil, mkdir(path, 0o700) != 0, errno != EEXIST {
            throw ChangeQueueError(
                .cannotOpen,
                "The run directory \(path) was removed and can't be made again: \(SystemError.lastReason)."
            )
        }
        guard Directory.isOwn(path) else { throw notOwn }
    }

    private var notOwn: ChangeQueueError {
        ChangeQueueError(
            .cannotOpen,
            "The run directory \(path) isn't a directory of this user. Remove it, or use a shorter data directory."
        )
    }

    /// The path of the socket or lock called `name`; a name that is too long is replaced by its hash, its extension
    /// kept.
    package func path(for name: String) -> String {
        guard name.utf8.count > RunDirectory.maximumNameBytes else { return path + "/" + name }
        let suffix = name.lastIndex(of: ".").map { String(name[$0...]) } ?? ""
        return path + "/" + RunDirectory.hash(name) + (suffix.utf8.count <= 16 ? suffix : "")
    }

    /// The path of the socket called `name`; see ``path(for:)``.
    package func path(forSocket name: String) -> String { path(for: name) }

    /// The directory that is written down, else the one whose name follows from the data directory's, else a new one; it is written down.
    private static func short(for data: String) throws(ChangeQueueError) -> RunDirectoryUse {
        let record = data + "/run-directory.\(ThisProcess.userID)"
        // Until this process uses a directory and has written it down: two that start at once shall find the same.
        let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
            try FileLock(record + ".lock", isExclusive: true, waits: true)
        }
        defer { withExtendedLifetime(lock) {} }
        let recorded = recordedPath(record)
        if let recorded, let use = RunDirectoryUse(recorded) { return use }
        let random = (0..<randomNames).map { _ in prefix + hash("\(UInt64.random(in: 0 ... .max))") }
        for path in [shortPath(for: data)] + random {
            guard let use = RunDirectoryUse(path) else { continue }
            try ChangeQueueError.onSystem { () throws(SystemError) in
                try DurableFile.replace(record, with: Array(path.utf8))
            }
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

    private static var prefix: String { "/tmp/sluice-\(ThisProcess.userID)-" }

    /// The same for every spelling of the data directory: links are resolved.
    private static func shortPath(for data: String) -> String {
        prefix + hash(Directory.resolved(data) ?? Directory.absolute(data))
    }

    /// The name's hash in hexadecimal.
    private static func hash(_ text: String) -> String {
        let digits = String(FNV1a.hash(text.utf8), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// A short run directory in `/tmp` while this process uses it: checked to be this user's alone, and removed by the last process that leaves it.
final class RunDirectoryUse: Sendable {
    /// The directory.
    let path: String
    private let descriptor: Int32

    /// Makes the directory at `path` if there is none; nil when what is there belongs to someone else, or others may enter it.
    init?(_ path: String) {
        // In a sticky directory nobody else can take away what is ours between the check and the use.
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return nil }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var own = stat()
        guard fstat(descriptor, &own) == 0, own.st_uid == geteuid(), own.st_mode & 0o077 == 0,
            flock(descriptor, LOCK_SH) == 0,
            // Another process may have left and removed it just now.
            FileIdentity(path: path, followsLink: false) == FileIdentity(descriptor: descriptor)
        else {
            close(descriptor)
            return nil
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // With the lock alone nobody else is in it; with a killed process's files in it it stays.
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { rmdir(path) }
        close(descriptor)
    }
}
