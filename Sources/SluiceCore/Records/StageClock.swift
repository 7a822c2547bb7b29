import Glibc

/// The clock of the stage times: `CLOCK_MONOTONIC`, which all processes of one machine share.
public enum StageClock {
    /// Nanoseconds since the machine started.
    public static func nowNanoseconds() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds since 1970, for what must mean the same after a restart of the machine.
    public static func wallNanoseconds() -> UInt64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}
