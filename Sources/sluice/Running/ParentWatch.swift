import Glibc
import PosixSupport

/// Ends a child process with its parent, however that ends: the parent holds the other end of standard input.
enum ParentWatch {
    /// Starts to wait for the end of standard input, and then asks this process to drain.
    static func start() {
        // A thread of its own, for reading blocks.
        let watch: @Sendable () -> Void = {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                guard count > 0 || (count < 0 && errno == EINTR) else { break }
            }
            kill(getpid(), SIGTERM)
        }
        do throws(SystemError) {
            try PosixThread.startDetached(name: "sluice-parent", body: watch)
        } catch {
            Terminal.writeError("sluice: \(error); this process won't end with its parent\n")
        }
    }
}
