import Glibc
import SluiceCore

/// What a publisher sleeps on: a datagram socket in the run directory that writers ring after a commit, and a way to
/// wake it from within.
///
/// A ring only says "look": rings that come while the publisher is busy are one. ``wait(timeout:)`` belongs to one
/// thread, ``wake()`` to all.
public final class Doorbell: Sendable {
    /// The socket's path.
    public let path: String
    private let socketDescriptor: Int32
    private let wakeDescriptors: (read: Int32, write: Int32)

    /// The extension of doorbell sockets.
    static let suffix = ".bell"

    /// Binds a new socket in the run directory.
    /// - Throws: `cannotOpen`.
    public init(_ run: RunDirectory) throws(ChangeQueueError) {
        let name = [UInt64.random(in: 0 ... .max), .random(in: 0 ... .max)].map { String($0, radix: 36) }.joined()
        path = run.path(forSocket: name + Doorbell.suffix)
        let address = try UnixAddress(path: path)
        wakeDescriptors = try Doorbell.makePipe()
        socketDescriptor = socket(AF_UNIX, Doorbell.datagram, 0)
        guard socketDescriptor >= 0, address.withPointer({ bind(socketDescriptor, $0, $1) }) == 0 else {
            let number = errno
            if socketDescriptor >= 0 { close(socketDescriptor) }
            close(wakeDescriptors.read)
            close(wakeDescriptors.write)
            throw Doorbell.cannotOpen(path, number)
        }
        // Only its own user rings; its directory is closed to others anyway.
        chmod(path, 0o600)
    }

    /// A datagram socket that doesn't block and isn't passed on to child processes.
    static var datagram: Int32 {
        Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    }

    private static func makePipe() throws(ChangeQueueError) -> (read: Int32, write: Int32) {
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else { throw cannotOpen("pipe", errno) }
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        return (descriptors[0], descriptors[1])
    }

    deinit {
        unlink(path)
        close(socketDescriptor)
        close(wakeDescriptors.read)
        close(wakeDescriptors.write)
    }

    /// Blocks the thread until it rings, ``wake()`` is called, or the time is over.
    /// - Returns: whether it rang or was woken.
    @discardableResult
    public func wait(timeout: Duration) -> Bool {
        // Whole milliseconds, rounded up: a wait that is too short would spin.
        let milliseconds = Int32(clamping: (timeout.wholeNanoseconds &+ 999_999) / 1_000_000)
        var descriptors = [
            pollfd(fd: socketDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeDescriptors.read, events: Int16(POLLIN), revents: 0),
        ]
        // An interruption counts as a wake-up: the caller looks and waits again.
        guard poll(&descriptors, 2, milliseconds) != 0 else { return false }
        silence(wakes: descriptors[1].revents != 0, rings: descriptors[0].revents != 0)
        return true
    }

    /// Ends a ``wait(timeout:)``, the next one if none is under way; from any thread.
    public func wake() {
        // A full pipe wakes as well.
        var byte: UInt8 = 1
        _ = write(wakeDescriptors.write, &byte, 1)
    }

    private func silence(wakes: Bool, rings: Bool) {
        var bytes = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        while wakes, withUnsafeMutableBytes(of: &bytes, { read(wakeDescriptors.read, $0.baseAddress, $0.count) }) > 0 {}
        guard rings else { return }
        // More than a socket holds by default; what is left makes the next wait return at once, which does no harm.
        var byte: UInt8 = 0
        for _ in 0..<1024 where recv(socketDescriptor, &byte, 1, 0) < 0 { return }
    }

    private static func cannotOpen(_ path: String, _ number: Int32) -> ChangeQueueError {
        ChangeQueueError(.cannotOpen, "The doorbell \(path) can't be bound: \(String(cString: strerror(number))).")
    }
}
