import CSockets
import Glibc

/// The generator's only loop: epoll over plain sockets, one thread, so that nothing needs a lock.
final class Poller {
    /// The time of the newest read; a read takes the clock once for all that it brought.
    var now = Marker.now()
    /// Reads that brought something.
    var reads: UInt64 = 0
    /// Where reads land; a connection copies out what is incomplete.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)

    private let descriptor = epoll_create1(0)
    private var connections: [Connection?] = Array(repeating: nil, count: 32_768)
    private var unflushed: [Connection] = []
    /// What waking up takes, about.
    private static let spinNanoseconds: UInt64 = 20_000

    private var events = [epoll_event](repeating: epoll_event(), count: 32)

    init() { csockets_wake_on_time() }

    /// Begins to watch `connection`, which is connecting.
    func add(_ connection: Connection) {
        connections[Int(connection.socket)] = connection
        control(EPOLL_CTL_ADD, connection, EPOLLIN.rawValue | EPOLLOUT.rawValue)
    }

    /// Says whether `connection` waits for room to write.
    func watch(_ connection: Connection, writable: Bool) {
        control(EPOLL_CTL_MOD, connection, EPOLLIN.rawValue | (writable ? EPOLLOUT.rawValue : 0))
    }

    /// Forgets `connection`.
    func remove(_ connection: Connection) {
        connections[Int(connection.socket)] = nil
    }

    /// `connection` has output for the end of this turn.
    func flushLater(_ connection: Connection) { unflushed.append(connection) }

    /// One turn: waits until something happens or `until` has come, handles it, flushes.
    func turn(until: UInt64) {
        flush()
        let time = Marker.now()
        now = time
        // It sleeps to the point, for a generator that spins takes a core from the servers. Only the last bit isn't worth it.
        let left = until > time ? min(100_000_000, until - time) : 0
        let wait = left > Poller.spinNanoseconds ? left - Poller.spinNanoseconds : 0
        let count = csockets_wait(descriptor, &events, Int32(events.count), wait)
        for index in 0..<max(0, Int(count)) {
            let event = events[index]
            guard let connection = connections[Int(event.data.fd)] else { continue }
            if event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { connection.readable() }
            if event.events & EPOLLOUT.rawValue != 0, connections[Int(event.data.fd)] === connection {
                connection.writable()
            }
        }
        now = Marker.now()
        flush()
    }

    private func flush() {
        guard !unflushed.isEmpty else { return }
        let waiting = unflushed
        unflushed.removeAll(keepingCapacity: true)
        for connection in waiting { connection.flush() }
    }

    private func control(_ operation: Int32, _ connection: Connection, _ interest: UInt32) {
        var event = epoll_event()
        event.events = interest
        event.data.fd = connection.socket
        _ = epoll_ctl(descriptor, operation, connection.socket, &event)
    }
}
