import Glibc

/// A thread of our own, for calls that block: neither an event loop nor the cooperative pool may do that, and LMDB's write transactions belong to
/// a thread.
package final class PosixThread: Sendable {
    private let thread: pthread_t

    private final class Start {
        let name: String
        let body: () -> Void

        init(name: String, body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread called `name` (15 bytes at most are shown by the system).
    /// - Throws: when the system has no room for another thread.
    package init(name: String, body: sending @escaping () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                PosixThread.setName(start.name)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        guard result == 0 else {
            start.release()
            throw SystemError("The thread '\(name)' can't be started", result)
        }
        self.thread = thread
    }

    /// Names the current thread; Glibc's function for it isn't visible to Swift.
    private static func setName(_ name: String) {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY)
        guard descriptor >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    /// Whether the caller is this thread.
    package var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Starts a thread that nobody waits for.
    /// - Throws: when the system has no room for another thread.
    package static func startDetached(name: String, body: sending @escaping () -> Void) throws(SystemError) {
        let thread = try PosixThread(name: name, body: body)
        pthread_detach(thread.thread)
    }

    /// Waits for the thread to end; call it once, from another thread.
    package func join() { pthread_join(thread, nil) }
}
