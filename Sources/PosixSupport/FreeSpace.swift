import Glibc

/// How much room a file system has.
package enum FreeSpace {
    /// Bytes that this user may still write where `path` is; nil when the system doesn't say.
    package static func bytes(at path: String) -> UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
