import Glibc
import UnixSignals

/// Who asks twice doesn't want to wait for the drain.
enum SecondSignal {
    /// Ends the process at once on the second SIGTERM or SIGINT, with the exit code that a shell gives to that signal.
    static func wait() async {
        var count = 0
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
            count += 1
            guard count > 1 else { continue }
            Terminal.writeError("sluice: second \(signal), not waiting for the drain\n")
            _exit(128 + signal.rawValue)
        }
        // Cancelled: the service has ended first.
    }
}
