import ChangeQueue
import Glibc
import LMDB
import SluiceCore

/// The time by which retention judges ages: the wall clock, as far as the machine's uptime bears it out.
///
/// A wall clock that is a day ahead for two seconds must not trim a day of records. So the clock is believed when it has gone on as much as the
/// uptime has; a step forward counts only when it has lasted for as long as records are kept. Steps back are believed: they trim nothing.
struct RetentionClock {
    /// The two clocks at one moment, nanoseconds, and the boot that the uptime counts from.
    struct Moment: Equatable {
        var wall: UInt64
        var uptime: UInt64
        /// A hash of the boot's id; never 0.
        var boot: UInt64
    }

    /// What was asked.
    struct Answer: Equatable {
        /// The time that ages count by, nanoseconds since 1970.
        var nowNanoseconds: UInt64
        /// How far ahead of it the wall clock is since it has stepped; nil when it isn't, or was told before.
        var newStepNanoseconds: UInt64?
        /// The anchor is another one, to be stored.
        var isAnchorNew: Bool
    }

    /// More than a clock that is kept right drifts from the uptime in a day, nanoseconds.
    private static let toleranceNanoseconds: UInt64 = 10_000_000_000

    private let believedAfterNanoseconds: UInt64
    /// A moment at which both were believed.
    private(set) var anchor: Moment?
    private var steppedAtUptime: UInt64?

    /// `anchor`: as it was stored.
    init(anchor: Moment?, believedAfterNanoseconds: UInt64) {
        self.anchor = anchor
        self.believedAfterNanoseconds = believedAfterNanoseconds
    }

    /// Judges the clocks.
    mutating func now(_ moment: Moment) -> Answer {
        guard let known = anchor, known.boot == moment.boot, moment.uptime >= known.uptime else {
            // Of the time while the machine was off nobody but the wall clock knows.
            return believe(moment)
        }
        let expected = known.wall &+ (moment.uptime - known.uptime)
        guard moment.wall > expected &+ RetentionClock.toleranceNanoseconds else {
            steppedAtUptime = nil
            // Set back, or as it was: followed, so that drift doesn't add up.
            let hasMoved = moment.wall &+ RetentionClock.toleranceNanoseconds < expected
            return hasMoved ? believe(moment) : Answer(nowNanoseconds: moment.wall, isAnchorNew: false)
        }
        guard let since = steppedAtUptime else {
            steppedAtUptime = moment.uptime
            return Answer(nowNanoseconds: expected, newStepNanoseconds: moment.wall - expected, isAnchorNew: false)
        }
        if moment.uptime - since >= believedAfterNanoseconds { return believe(moment) }
        return Answer(nowNanoseconds: expected, isAnchorNew: false)
    }

    private mutating func believe(_ moment: Moment) -> Answer {
        anchor = moment
        steppedAtUptime = nil
        return Answer(nowNanoseconds: moment.wall, isAnchorNew: true)
    }
}

extension RetentionClock.Moment {
    /// Now, on this machine.
    static func current(boot: UInt64) -> RetentionClock.Moment {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return RetentionClock.Moment(
            wall: StageClock.wallNanoseconds(),
            uptime: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec),
            boot: boot
        )
    }
}

extension ChangeLog {
    /// The clock as the log has kept it.
    func retentionClock() throws -> RetentionClock {
        let anchor = try environment.read { transaction in
            RetentionClock.Moment(
                wall: try transaction.meta(.clockWall, databases),
                uptime: try transaction.meta(.clockUptime, databases),
                boot: try transaction.meta(.clockBoot, databases)
            )
        }
        return RetentionClock(
            anchor: anchor.boot == 0 ? nil : anchor,
            believedAfterNanoseconds: configuration.retentionAge.wholeNanoseconds
        )
    }

    /// Keeps a moment at which the clock was believed.
    func keep(_ anchor: RetentionClock.Moment) throws {
        try environment.write { transaction in
            try transaction.setMeta(.clockWall, anchor.wall, databases)
            try transaction.setMeta(.clockUptime, anchor.uptime, databases)
            try transaction.setMeta(.clockBoot, anchor.boot, databases)
        }
    }
}
