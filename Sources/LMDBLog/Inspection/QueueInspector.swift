package import ChangeQueue
import LMDB
import PosixSupport
import QueueEngine
package import SluiceCore
import Synchronization

/// Looks at a queue without taking part: opens everything for reading only, whether or not publishers or gateways run,
/// and whether or not the consumer has ever existed (then every record is visible).
///
/// It may be kept open and asked again. Every method throws `ChangeQueueError`. Times are the wall clock, nanoseconds
/// since 1970.
package final class QueueInspector: Sendable {
    /// The queue that is looked at.
    package let queue: QueueID
    private let kind: QueueKind
    let log: ChangeLog
    private let directory: String
    private let run: RunDirectory?
    private let opened = Mutex<(environment: Environment, databases: ConsumerDatabases)?>(nil)

    /// Opens the queue of a data directory.
    /// - Throws: `cannotOpen` when it has no log, `locked` when this process has it open, `versionMismatch`.
    package convenience init(dataDirectory: String, queue: QueueID, kind: QueueKind) throws(ChangeQueueError) {
        let log = try ChangeLog.openReadOnly(directory: dataDirectory + "/log")
        self.init(
            log: log,
            directory: dataDirectory + "/consumers",
            run: try? RunDirectory(data: dataDirectory),
            queue: queue,
            kind: kind
        )
    }

    /// Looks at the consumer of a log that is open; in a process that has the consumer state open itself it can't be
    /// read.
    /// - Parameters:
    ///   - log: the log.
    ///   - directory: the directory of the consumer state.
    ///   - run: where the owner locks are; without it, what dead publishers hold counts as in flight until its time is
    ///     over.
    ///   - queue: which queue.
    ///   - kind: what kind it is of.
    package init(log: ChangeLog, directory: String, run: RunDirectory?, queue: QueueID, kind: QueueKind) {
        self.log = log
        self.directory = directory
        self.run = run
        self.queue = queue
        self.kind = kind
    }

    /// The queues of a data directory that publishers have used, by name.
    package static func usedQueues(dataDirectory: String) -> [QueueID] {
        DurableCheckpoint.queues(in: dataDirectory + "/consumers")
    }

    /// The queue's figures.
    package func depth(nowNanoseconds: UInt64) throws(ChangeQueueError) -> QueueDepth {
        var depth = try view(nowNanoseconds).depth(of: queue, log.reader, nowNanoseconds: nowNanoseconds)
        depth.deadLettered = try deadLettered()
        return depth
    }

    /// Messages in the dead-letter queue that the publishers of the queue use; that of a queue that never had one is empty.
    private func deadLettered() throws(ChangeQueueError) -> UInt64 {
        let settings = QueueSettings.read(queue, inConsumers: directory)
        let name = settings?.values.first { ByteString($0.name) == "dead-letter-queue" }?.value
        guard let name, let id = try? QueueID(ByteString(name)) else { return 0 }
        return try ChangeQueueError.typing("count the dead letters") {
            try log.environment.read { transaction in
                guard let found = try transaction.messageQueue(id, log.databases) else { return 0 }
                return try transaction.counters(of: found.number, log.databases).messages
            }
        }
    }

    /// The topics with the most records that aren't retired, the largest first.
    ///
    /// Looks at the oldest million records at most.
    package func depthByTopic(limit: Int, nowNanoseconds now: UInt64) throws(ChangeQueueError) -> [TopicDepth] {
        let view = try view(now)
        var topics: [Topic: TopicDepth] = [:]
        var left = ConsumerView.maximumVisited
        try log.reader.visit(view.unretired(try log.reader.bounds())) { header, _ in
            left -= 1
            switch view.standing(of: header, nowNanoseconds: now)?.state {
            case .visible: topics[header.topic, default: TopicDepth(topic: header.topic)].visible += 1
            case .inFlight: topics[header.topic, default: TopicDepth(topic: header.topic)].inFlight += 1
            case .delayed: topics[header.topic, default: TopicDepth(topic: header.topic)].delayed += 1
            case nil: break
            }
            return left > 0
        }
        let ordered = topics.values.sorted { ($1.total, $0.topic.name) < ($0.total, $1.topic.name) }
        return Array(ordered.prefix(max(limit, 0)))
    }

    /// The oldest records that aren't retired, in the order of the log, at most `count`.
    package func peek(count: Int, nowNanoseconds now: UInt64) throws(ChangeQueueError) -> [PeekedRecord] {
        guard count > 0 else { return [] }
        let view = try view(now)
        var peeked: [PeekedRecord] = []
        var left = ConsumerView.maximumVisited
        try log.reader.visit(view.unretired(try log.reader.bounds())) { header, bytes in
            left -= 1
            if let standing = view.standing(of: header, nowNanoseconds: now) {
                let record = try RecordCodec.decode(bytes)
                peeked.append(PeekedRecord(record: record, state: standing.state, receiveCount: standing.receiveCount))
            }
            return peeked.count < count && left > 0
        }
        return peeked
    }

    // MARK: The consumer's state

    func view(_ now: UInt64) throws(ChangeQueueError) -> ConsumerView {
        try ChangeQueueError.typing("read the consumer state in \(directory)") {
            let view = try storedView() ?? emptyView
            guard let run else { return view }
            return view.withoutOwners({ !OwnerLock.isAlive($0, run) }, nowNanoseconds: now)
        }
    }

    /// A consumer that has no state, or one that can't be trusted: it would begin at its durable checkpoint.
    private var emptyView: ConsumerView {
        let cursor = ConsumerOrigin(directory: directory, logID: log.logID).cursor(queue)
        return switch kind {
        case .standard: .standard(LeaseState(cursor: cursor, nextReceive: 1))
        case .stream:
            .stream(
                StreamState(shards: QueueAttributes(kind: .stream).shards, cursor: cursor, nextReceive: 1)
            )
        }
    }

    private func storedView() throws -> ConsumerView? {
        let mark = BootMark.read(in: directory)
        guard let mark, mark.isTrusted(bootID: BootMark.currentBootID()), let opened = try open() else { return nil }
        let leases =
            kind == .standard ? try ConsumerDatabases.existingLeases(of: queue, opened.environment) : nil
        return try opened.environment.read { transaction in
            let logID = try transaction.get(opened.databases.meta, "logID") { $0.storedInteger ?? 0 } ?? 0
            guard logID == UInt64(log.logID) else { return nil }
            switch kind {
            case .standard:
                guard let leases else { return nil }
                let storage = LeaseStorage(queue, heads: opened.databases.heads, leases: leases)
                return try storage.load(transaction).map { .standard($0) }
            case .stream:
                return try StreamStorage(queue, heads: opened.databases.heads).load(transaction).map { .stream($0) }
            }
        }
    }

    private func open() throws -> (environment: Environment, databases: ConsumerDatabases)? {
        try opened.withLock { opened in
            if let opened { return opened }
            guard DurableFile.isReadable(directory + "/" + UnsyncedEnvironment.dataFile) else { return nil }
            let environment = try Environment(
                path: directory,
                mapSizeBytes: 0,
                maximumDatabases: ConsumerDatabases.maximumCount,
                options: .readOnly
            )
            opened = (environment, try ConsumerDatabases(environment))
            return opened
        }
    }
}

/// A topic's records that aren't retired.
package struct TopicDepth: Hashable, Sendable {
    /// The topic.
    package let topic: Topic
    /// Records that a receive would return now.
    package var visible: UInt64 = 0
    /// Records that a publisher has.
    package var inFlight: UInt64 = 0
    /// Records that wait for a retry.
    package var delayed: UInt64 = 0

    /// All of them.
    package var total: UInt64 { visible + inFlight + delayed }
}

/// A record that isn't retired, as one who looks on sees it.
package struct PeekedRecord: Sendable {
    /// The record.
    package let record: ChangeRecord
    /// Where it stands.
    package let state: RecordState
    /// How often it was received.
    package let receiveCount: Int
}
