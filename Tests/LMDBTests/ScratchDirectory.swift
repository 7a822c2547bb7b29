import Glibc

/// A directory of its own for one test, removed with it.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/sluice-lmdb-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw ScratchDirectoryError(number: errno) }
        path = String(cString: made)
    }

    deinit {
        for name in ["data.mdb", "lock.mdb"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}

struct ScratchDirectoryError: Error {
    let number: Int32
}
