/// This process's CPU within the time that is measured.
struct BenchUsage {
    private var began: (nanoseconds: UInt64, processorSeconds: Double)?
    private var ended: (nanoseconds: UInt64, processorSeconds: Double)?

    /// Notes begin and end when they have come.
    mutating func look(
        now: UInt64,
        measuredFrom: UInt64,
        end: UInt64,
        processorSeconds: Double = OwnProcess.processorSeconds()
    ) {
        if began == nil, now >= measuredFrom { began = (now, processorSeconds) }
        if ended == nil, now >= end { ended = (now, processorSeconds) }
    }

    /// CPU as a part of one core; 0 while nothing was measured.
    var share: Double {
        guard let began, let ended, ended.nanoseconds > began.nanoseconds else { return 0 }
        return (ended.processorSeconds - began.processorSeconds) * 1e9 / Double(ended.nanoseconds - began.nanoseconds)
    }
}
