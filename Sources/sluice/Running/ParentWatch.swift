import Foundation
import Glibc

/// Ends a child process with its parent, however that ends: the parent holds the other end of standard input.
enum ParentWatch {
    /// Starts to wait for the end of standard input, and then asks this process to drain.
    static func start() {
        // A thread of its own, for reading blocks.
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                guard count > 0 || (count < 0 && errno == EINTR) else { break }
            }
            kill(getpid(), SIGTERM)
        }
        thread.name = "sluice-parent"
        thread.stackSize = 64 * 1024
        thread.start()
    }
}
