#if canImport(Glibc)
import Glibc
#endif

/// CPU seconds of this process, so that a run shows whether the generator was the bottleneck.
enum Usage {
    /// User and system time until now.
    static func current() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
