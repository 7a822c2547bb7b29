package import ChangeQueue
import Glibc
import PosixSupport
import SluiceCore

/// What a publisher sleeps on: a datagram socket in the run directory that writers ring after a commit.
///
/// A ring only says "look": rings that come while the publisher is busy are one. It belongs to one thread, which waits
/// until the socket is readable, silences the bell and looks.
package final class Doorbell: LogBell {
    /// The socket's path.
    package let path: String
    private let run: RunDirectory
    private var descriptor: Int32
    private var file: FileIdentity?

    /// The extension of doorbell sockets.
    static let suffix = ".bell"

    /// Binds a new socket in the run directory.
    /// - Throws: `cannotOpen`.
    package init(_ run: RunDirectory) throws(ChangeQueueError) {
        self.run = run
        let name = [UInt64.random(in: 0 ... .max), .random(in: 0 ... .max)].map { String($0, radix: 36) }.joined()
        path = run.path(forSocket: name + Doorbell.suffix)
        descriptor = try Doorbell.bind(path)
        file = FileIdentity(path: path)
    }

    /// Binds a new socket at the same path if somebody has removed the one that stood there.
    package func restore() throws(ChangeQueueError) -> Bool {
        guard file == nil || FileIdentity(path: path) != file else { return false }
        try run.restore()
        let new = try Doorbell.bind(path)
        close(descriptor)
        descriptor = new
        file = FileIdentity(path: path)
        return true
    }

    private static func bind(_ path: String) throws(ChangeQueueError) -> Int32 {
        guard let address = UnixAddress(path: path) else {
            throw ChangeQueueError(
                .cannotOpen,
                "The socket path \(path) has \(path.utf8.count) bytes; the limit is \(UnixAddress.maximumPathBytes)."
            )
        }
        let descriptor = socket(AF_UNIX, Doorbell.datagram, 0)
        guard descriptor >= 0, address.withPointer({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let number = errno
            if descriptor >= 0 { close(descriptor) }
            throw Doorbell.cannotOpen(path, number)
        }
        // Only its own user rings; its directory is closed to others anyway.
        chmod(path, 0o600)
        return descriptor
    }

    /// A datagram socket that doesn't block and isn't passed on to child processes.
    static var datagram: Int32 {
        Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    /// A descriptor of the bell's socket, for whoever waits on it: readable when it rang.
    ///
    /// The caller closes it.
    /// - Throws: `cannotOpen`.
    package func makeDescriptor() throws(ChangeQueueError) -> Int32 {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { throw Doorbell.cannotOpen(path, errno) }
        return duplicate
    }

    /// Takes all rings there are.
    /// - Returns: whether there was one.
    @discardableResult
    package func silence() -> Bool {
        var byte: UInt8 = 0
        // More than a socket holds by default; what is left makes the next wait return at once, which does no harm.
        for count in 0..<1024 where recv(descriptor, &byte, 1, 0) < 0 { return count > 0 }
        return true
    }

    private static func cannotOpen(_ path: String, _ number: Int32) -> ChangeQueueError {
        ChangeQueueError(.cannotOpen, "The doorbell \(path) can't be used: \(SystemError.text(of: number)).")
    }
}
