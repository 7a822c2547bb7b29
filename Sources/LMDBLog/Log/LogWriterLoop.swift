import ChangeQueue
import LMDB
import Logging
import PosixSupport
import SluiceCore

/// What the writer's thread does: take everything that gathered, commit it, ring, answer; and save heads and trim in
/// between.
final class LogWriterLoop {
    private let log: ChangeLog
    private let heads: SharedTopicHeads
    private let inbox: AppendInbox
    private let hook: CommitHook
    private let doorbell: (any LogSignal)?
    private let maintainsLog: Bool
    private let logger: Logger
    private let onRefusal: @Sendable (AppendRefusal, _ requests: Int) -> Void
    private let onGroupTrim: @Sendable (_ records: UInt64) -> Void
    private let limits: AppendLimits
    private let committer: LogCommitter
    private let trimmer: LogTrimmer
    private var saver: HeadSaver
    private var upkeep: LogUpkeep
    private var clock: RetentionClock
    private let boot: UInt64
    private var watch = LogUsageWatch()
    private var undelivered = UndeliveredWatch()
    private var groupTrims = GroupTrimWatch()
    private let groups: ConsumerGroups
    private var nextWatchNanoseconds: UInt64 = 0
    /// Whether the last append failed: a full disk is reported once, not with each commit.
    private var isFailing = false

    /// How long the thread sleeps when nothing is appended; then it looks at other processes' commits and at retention.
    private static let idleNanoseconds: UInt64 = 100_000_000
    private static let watchNanoseconds: UInt64 = 1_000_000_000

    init(
        log: ChangeLog,
        heads: SharedTopicHeads,
        inbox: AppendInbox,
        hook: CommitHook,
        doorbell: (any LogSignal)?,
        maintainsLog: Bool,
        logger: Logger,
        onRefusal: @escaping @Sendable (AppendRefusal, _ requests: Int) -> Void,
        onGroupTrim: @escaping @Sendable (_ records: UInt64) -> Void
    ) {
        self.log = log
        self.heads = heads
        self.inbox = inbox
        self.hook = hook
        self.doorbell = doorbell
        self.maintainsLog = maintainsLog
        self.logger = logger
        self.onRefusal = onRefusal
        self.onGroupTrim = onGroupTrim
        groups = ConsumerGroups(besideLog: log.configuration.directory)
        limits = AppendLimits(maximumPayloadBytes: log.configuration.maximumPayloadBytes)
        committer = LogCommitter(log: log, heads: heads)
        trimmer = LogTrimmer(log: log)
        boot = max(1, FNV1a.hash(BootMark.currentBootID().utf8))
        // A log that can't be read tells so with its first use.
        clock =
            (try? log.retentionClock())
            ?? RetentionClock(anchor: nil, believedAfterNanoseconds: log.configuration.retentionAge.wholeNanoseconds)
        saver = HeadSaver(log: log, heads: heads)
        upkeep = LogUpkeep(
            headSaveRecords: log.configuration.headSaveRecords,
            nowNanoseconds: StageClock.nowNanoseconds()
        )
    }

    /// The time that ages count by.
    private func retentionNow() throws -> UInt64 {
        let answer = clock.now(.current(boot: boot))
        if let step = answer.newStepNanoseconds {
            logger.warning(
                "the wall clock has jumped ahead: records' ages go on by the machine's uptime until it has lasted as long as records are kept",
                metadata: ["seconds": "\(step / 1_000_000_000)"]
            )
        }
        if answer.isAnchorNew, let anchor = clock.anchor { try log.keep(anchor) }
        return answer.nowNanoseconds
    }

    /// Runs until the inbox is stopped and everything in it is answered.
    func run() {
        guard maintainsLog else { return commitUntilStopped() }
        attempt("count the records whose heads aren't saved") {
            try heads.loadIfNeeded()
            upkeep.counted(unsavedRecords: try saver.unsavedRecords())
        }
        while true {
            let taken = inbox.removeAll(untilNanoseconds: StageClock.nowNanoseconds() &+ LogWriterLoop.idleNanoseconds)
            if !taken.submissions.isEmpty {
                commit(taken.submissions)
            } else if taken.isStopped {
                break
            } else {
                attempt("follow the other processes' commits") { try heads.catchUpIfNeeded() }
            }
            maintain()
        }
        saveAllHeads()
    }

    /// Commits and nothing else: whoever maintains the log runs elsewhere, or later.
    private func commitUntilStopped() {
        while true {
            let taken = inbox.removeAll(untilNanoseconds: StageClock.nowNanoseconds() &+ LogWriterLoop.idleNanoseconds)
            if !taken.submissions.isEmpty { commit(taken.submissions) } else if taken.isStopped { return }
        }
    }

    // MARK: Appending

    private func commit(_ submissions: [AppendSubmission]) {
        var group = AppendGroup(submissions, limits: limits)
        var stored = LogCommitter.Stored()
        if group.hasWork { stored = store(&group) }
        // Before the answers: a publisher takes longer to wake up than they take to be handed over.
        if stored.records > 0 { doorbell?.ring() }
        inbox.release(group.bytes)
        noteRefusals(group)
        for (client, outcomes) in group.outcomes() { client.completed(outcomes) }
        if stored.records > 0 { upkeep.committed(stored.records) }
    }

    private func store(_ group: inout AppendGroup) -> LogCommitter.Stored {
        do {
            let stored = try storeWhatFits(&group)
            let committedAt = StageClock.nowNanoseconds()
            if isFailing { logger.notice("appends succeed again") }
            isFailing = false
            group.committed(atNanoseconds: committedAt)
            if stored.records > 0 {
                let first = SequenceNumber(stored.lastSequence - UInt64(stored.records) + 1)
                // Before the answers and the bell, so that whoever hears of a record finds its commit time.
                hook.call(first, stored.records, committedAt)
            }
            return stored
        } catch {
            let failure = ChangeQueueError(error, during: "append")
            if !isFailing {
                logger.error("appends fail", metadata: ["requests": "\(group.entries.count)", "error": "\(failure)"])
            }
            isFailing = true
            group.failed(failure)
            return LogCommitter.Stored()
        }
    }

    /// Stores all of the group; when there is no room, makes some and stores what fits then, and what frees space always.
    private func storeWhatFits(_ group: inout AppendGroup) throws -> LogCommitter.Stored {
        for attempt in [LogCommitter.Attempt.all, .fitting] {
            do {
                return try committer.store(&group, attempt)
            } catch {
                guard ChangeQueueError(error, during: "append").code == .queueFull else { throw error }
                group.reset(limits: limits)
                if attempt == .all { makeRoom() }
            }
        }
        return try committer.store(&group, .removals)
    }

    /// Trims what retention allows because the map is full.
    private func makeRoom() {
        guard maintainsLog else { return }
        attempt("make room in the log") {
            for _ in 0..<16 {
                switch try trimmer.step(nowNanoseconds: try retentionNow()) {
                case .nothing: return
                case .trimmed: break
                case .needsSavedHeads: while try !saver.step(HeadSaver.headsAtShutdown) {}
                }
            }
        }
    }

    private func noteRefusals(_ group: AppendGroup) {
        let refusals = group.refusals
        guard !refusals.isEmpty else { return }
        for (refusal, requests) in refusals { onRefusal(refusal, requests) }
        watch.refused(refusals)
    }

    // MARK: Upkeep

    /// Does what is due; stops as soon as something is to be appended.
    private func maintain() {
        watchUsage()
        while let action = upkeep.next(isIdle: inbox.isEmpty, nowNanoseconds: StageClock.nowNanoseconds()) {
            do {
                try perform(action)
            } catch {
                upkeep.failed(nowNanoseconds: StageClock.nowNanoseconds())
                logger.warning("the log's upkeep failed", metadata: ["action": "\(action)", "error": "\(error)"])
            }
            if !inbox.isEmpty, !upkeep.goesOnUnderLoad { return }
        }
    }

    private func perform(_ action: LogUpkeep.Action) throws {
        switch action {
        case .saveHeads:
            let isComplete = try saver.step()
            upkeep.saved(isComplete: isComplete, nowNanoseconds: StageClock.nowNanoseconds())
            if isComplete { upkeep.counted(unsavedRecords: try saver.unsavedRecords()) }
        case .trim:
            let step = try trimmer.step(upkeep.trimmedAtOnce, nowNanoseconds: try retentionNow())
            upkeep.trimmed(step, nowNanoseconds: StageClock.nowNanoseconds())
            upkeep.forgetting(isDue: try saver.isForgettingDue(), afterTrimming: true)
        case .forgetTopics:
            let isDone = try saver.forget(inbox.isEmpty ? HeadSaver.headsWhenIdle : HeadSaver.headsBetweenCommits)
            upkeep.forgetting(isDue: !isDone, afterTrimming: false)
        case .checkReaders:
            upkeep.checkedReaders(nowNanoseconds: StageClock.nowNanoseconds())
            let freed = try log.environment.checkReaders()
            if freed > 0 { logger.info("freed the reader slots of dead processes", metadata: ["slots": "\(freed)"]) }
        }
    }

    private func watchUsage() {
        let now = StageClock.nowNanoseconds()
        guard now >= nextWatchNanoseconds else { return }
        nextWatchNanoseconds = now &+ LogWriterLoop.watchNanoseconds
        attempt("measure what the log uses") {
            for line in watch.lines(try heads.usage(), nowNanoseconds: now) {
                logger.warning("\(line.message)", metadata: line.metadata)
            }
            try watchUndelivered(now)
        }
    }

    /// Says when retention has trimmed what no queue had delivered.
    private func watchUndelivered(_ now: UInt64) throws {
        guard undelivered.isDue(nowNanoseconds: now) else { return }
        let trimmed = try log.environment.read { try $0.meta(.trimmedThrough, log.databases) }
        let records = undelivered.trimmedUndelivered(
            trimmedThrough: trimmed,
            retiredThrough: DurableCheckpoint.furthest(
                logID: log.logID,
                in: log.configuration.directory + "/../consumers"
            ),
            nowNanoseconds: now
        )
        watchGroups(trimmedThrough: trimmed, now)
        guard records > 0 else { return }
        logger.warning(
            "retention has trimmed records that no queue had delivered: run a publisher, or keep records longer (--retention-age, --retention-bytes)",
            metadata: ["records": "\(records)"]
        )
    }

    /// Says when retention has trimmed what a group of readers hadn't read.
    private func watchGroups(trimmedThrough: UInt64, _ now: UInt64) {
        let after = groups.all().filter { $0.checkpoint.logID == log.logID }
            .map { ($0.group, $0.checkpoint.after.rawValue) }
        let losses = groupTrims.losses(
            trimmedThrough: trimmedThrough,
            groups: Dictionary(after) { first, _ in first },
            nowNanoseconds: now
        )
        for loss in losses {
            onGroupTrim(loss.records)
            guard loss.isLogged else { continue }
            logger.warning(
                "retention has trimmed records that a group hadn't read: read faster, keep records longer, or remove the group's file",
                metadata: ["group": "\(loss.group)", "records": "\(loss.records)"]
            )
        }
    }

    private func saveAllHeads() {
        attempt("save the topics' heads") {
            guard try saver.unsavedRecords() > 0 else { return }
            while try !saver.step(HeadSaver.headsAtShutdown) {}
        }
    }

    private func attempt(_ what: String, _ body: () throws -> Void) {
        do { try body() } catch {
            logger.warning("could not \(what)", metadata: ["error": "\(error)"])
        }
    }
}
