import Glibc
import SluiceCore

/// The figures of the process itself, under the names that every Prometheus client library uses.
enum ProcessMetrics {
    private static let startedAtSeconds = Double(StageClock.wallNanoseconds()) / 1e9

    /// Notes when the process began; called when the metrics are made.
    static func begin() { _ = startedAtSeconds }

    /// Appends the version and what `/proc` says.
    static func append(to text: inout ExpositionText) {
        text.appendHeader("sluice_build_info", .gauge, help: MetricHelp.texts["sluice_build_info"] ?? "")
        text.appendSample(
            "sluice_build_info",
            labels: ExpositionText.labels([("version", SluiceVersion.current)]),
            value: "1"
        )
        if let cpu = cpuSeconds() {
            add("process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.", cpu, &text)
        }
        if let pages = memoryPages() {
            let bytes = Double(sysconf(Int32(_SC_PAGESIZE)))
            add("process_virtual_memory_bytes", .gauge, "Virtual memory size in bytes.", pages.virtual * bytes, &text)
            add(
                "process_resident_memory_bytes",
                .gauge,
                "Resident memory size in bytes.",
                pages.resident * bytes,
                &text
            )
        }
        if let count = openFiles() {
            add("process_open_fds", .gauge, "Number of open file descriptors.", Double(count), &text)
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            add("process_max_fds", .gauge, "Maximum number of open file descriptors.", Double(limit.rlim_cur), &text)
        }
        let start = startedAtSeconds
        add("process_start_time_seconds", .gauge, "Start time of the process since 1970 in seconds.", start, &text)
    }

    private static func add(
        _ name: String,
        _ kind: MetricKind,
        _ help: String,
        _ value: Double,
        _ text: inout ExpositionText
    ) {
        text.appendHeader(name, kind, help: help)
        text.appendSample(name, labels: "", value: ExpositionText.number(value))
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func memoryPages() -> (virtual: Double, resident: Double)? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let numbers = line.prefix { $0 != 0 }.split(separator: 0x20).prefix(2).compactMap {
            Double(String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }

    private static func openFiles() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Itself, its parent and the one that reads.
        return max(0, count - 3)
    }
}
