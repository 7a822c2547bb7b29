public import ChangeQueue
import Glibc
import Synchronization

/// The bells of one process: a ring is heard by every bell that there is.
public final class MemoryBells: LogSignal {
    private struct Listed {
        weak var bell: MemoryBell?
    }

    private let listed = Mutex<[Listed]>([])

    /// Nobody to ring for.
    public init() {}

    /// Makes a bell that hears from now on.
    /// - Throws: `cannotOpen` when the process may open no more descriptors.
    public func makeBell() throws(ChangeQueueError) -> any LogBell {
        let bell = try MemoryBell()
        listed.withLock { $0.append(Listed(bell: bell)) }
        return bell
    }

    /// Rings every bell.
    public func ring() {
        listed.withLock { listed in
            listed.removeAll { $0.bell == nil }
            for entry in listed { entry.bell?.ring() }
        }
    }
}

/// A pipe that is readable when it rang.
private final class MemoryBell: LogBell, Sendable {
    private let reading: Int32
    private let writing: Int32

    init() throws(ChangeQueueError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ChangeQueueError(.cannotOpen, "No pipe for a bell can be made: \(String(cString: strerror(errno))).")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    func restore() -> Bool { false }

    func ring() {
        var byte: UInt8 = 1
        // A full pipe has rung already.
        _ = write(writing, &byte, 1)
    }

    func makeDescriptor() throws(ChangeQueueError) -> Int32 {
        let duplicate = fcntl(reading, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else {
            throw ChangeQueueError(.cannotOpen, "The bell can't be listened to: \(String(cString: strerror(errno))).")
        }
        return duplicate
    }

    func silence() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        return read(reading, &bytes, bytes.count) > 0
    }
}
