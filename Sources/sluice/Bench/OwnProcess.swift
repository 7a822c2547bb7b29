import Glibc

/// What this process uses and may use.
enum OwnProcess {
    /// CPU seconds until now, user and system.
    static func processorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// Makes sure that so many files may be open, raising the limit as far as that is allowed.
    /// - Throws: `unavailable`, with the limit and how to raise it.
    static func allowOpenFiles(_ count: Int) throws(CommandError) {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limit) == 0, limit.rlim_cur < count else { return }
        let most = limit.rlim_max
        limit.rlim_cur = min(most, rlim_t(count))
        guard most >= count, setrlimit(files, &limit) == 0 else {
            throw CommandError(
                .unavailable,
                "This load needs \(count) open files and the limit is \(most): raise it with 'ulimit -n', "
                    + "or ask for fewer --connections."
            )
        }
    }
}
