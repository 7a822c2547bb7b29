import NIOCore
import NIOEmbedded
import SluiceCore
import Synchronization
import TestSupport

@testable import FanOut

/// One loop's fan-out without a gateway: the test plays log, registry, reading threads and publishers.
final class FanOutHarness {
    struct Fault: Error, Equatable {}

    /// What other threads would hold; the test is the only one.
    final class Around: Sendable {
        struct State {
            var records: [ChangeRecord] = []
            var heads: [Topic: SequenceNumber] = [:]
            var trimmedThrough: UInt64 = 0
            var fails = false
            var commits: [@Sendable (Result<Void, any Error>) -> Void] = []
            var work: [(asker: HistoryAsker, work: HistoryWork)] = []
            var registry: [String] = []
            var counts: [String: Int] = [:]
        }

        let state = Mutex(State())
    }

    struct Measures: FanOutMeasures {
        let around: Around
        func eventsWritten(_ count: Int) { add("written", count) }
        func recordsRepeated(_ count: Int) { add("repeated", count) }
        func recordsFilled(_ count: Int) { add("filled", count) }
        func recordsResumed(_ count: Int) { add("resumed", count) }
        func subscriptionsChanged(by count: Int) { add("subscriptions", count) }
        private func add(_ name: String, _ count: Int) {
            around.state.withLock { $0.counts[name, default: 0] += count }
        }
    }

    let eventLoop = EmbeddedEventLoop()
    let around = Around()
    let clock = HandClock()
    let loop: SubscriberLoop
    private(set) var tallies: [LoopTallies] = []

    init(_ change: (inout FanOutLimits) -> Void = { _ in }) {
        var limits = FanOutLimits(
            subscriptionsPerSubscriber: 100,
            resumeRecords: 1_000,
            resumePieceBytes: 64,
            visitsPerTurn: 128,
            holeRecords: 100,
            holeBytes: 1 << 20
        )
        change(&limits)
        let around = around
        let clock = clock
        let services = FanOutServices(
            limits: limits,
            formats: TestFormat.all,
            head: { topic in
                try around.state.withLock { state in
                    if state.fails { throw Fault() }
                    return state.heads[topic] ?? .none
                }
            },
            history: FanOutHarness.reader(around),
            offload: { work, asker in around.state.withLock { $0.work.append((asker, work)) } },
            forget: { asker in
                let dropped = around.state.withLock { state in
                    let dropped = state.work.filter { $0.asker == asker }
                    state.work.removeAll { $0.asker == asker }
                    return dropped
                }
                for one in dropped { one.work.drop() }
            },
            subscribe: { _, topics, then in
                around.state.withLock { state in
                    state.registry.append("+" + topics.map(\.name).joined(separator: ","))
                    state.commits.append(then)
                }
            },
            unsubscribe: { _, topics in
                around.state.withLock { $0.registry.append("-" + topics.map(\.name).joined(separator: ",")) }
            },
            measures: Measures(around: around),
            now: { clock.now }
        )
        loop = SubscriberLoop(eventLoop: eventLoop, services: services)
        loop.start()
    }

    private static func reader(_ around: Around) -> HistoryReader {
        let record: @Sendable (SequenceNumber) throws -> ChangeRecord? = { sequence in
            try around.state.withLock { state in
                if state.fails { throw Fault() }
                let number = sequence.rawValue
                guard number > state.trimmedThrough, number <= UInt64(state.records.count) else { return nil }
                return state.records[Int(number) - 1]
            }
        }
        return HistoryReader(
            advance: { walks in
                for position in walks.indices {
                    while let wanted = walks[position].wanted {
                        if let found = try record(wanted) {
                            walks[position].found(previous: found.previous)
                        } else {
                            walks[position].missing()
                        }
                    }
                }
            },
            record: record,
            lastSequence: { around.state.withLock { SequenceNumber(UInt64($0.records.count)) } },
            epochs: LogEpochs([LogEpochs.Beginning(epoch: LogEpoch(rawValue: 1), first: SequenceNumber(1))])
        )
    }

    // MARK: - Clients

    func subscriber(_ name: String = "s") -> MemorySubscriber { MemorySubscriber(name, on: loop) }

    /// Subscribes and notes the reply among the events.
    func subscribe(
        _ subscriber: MemorySubscriber,
        _ topics: String...,
        after: UInt64? = nil,
        of epoch: EpochClaim? = nil,
        wish: SubscriptionWish = .first
    ) {
        let entries = topics.map {
            SubscribeRequest.Entry(topic: Topic(alreadyChecked: $0), after: after.map { SequenceNumber($0) })
        }
        loop.barrier.subscribe(SubscribeRequest(entries: entries, epoch: epoch, wish: wish), for: subscriber) {
            result in
            switch result {
            case .success(let lines): subscriber.note("reply " + lines.map(FanOutHarness.text).joined(separator: " "))
            case .failure(.tooMany): subscriber.note("too many")
            case .failure(.storage): subscriber.note("failed")
            }
        }
    }

    private static func text(_ line: SubscribedTopic) -> String {
        switch line.resume {
        case .none: "\(line.topic.name)@\(line.sequence)"
        case .recovered: "\(line.topic.name)@\(line.sequence)+"
        case .gap(let gap): "\(line.topic.name)@\(line.sequence)!\(gap.from)-\(gap.to)"
        case .diverged(let from, let gap):
            "\(line.topic.name)@\(line.sequence)?\(from)" + (gap.map { "!\($0.from)-\($0.to)" } ?? "")
        }
    }

    // MARK: - The world around

    /// Appends a record to the log.
    @discardableResult
    func append(_ topic: String, _ payload: String = "") -> ChangeRecord {
        around.state.withLock { state in
            let topic = Topic(alreadyChecked: topic)
            let record = ChangeRecord(
                RecordDraft(topic: topic, payload: Array(payload.utf8), contentType: .text),
                sequence: SequenceNumber(UInt64(state.records.count + 1)),
                previous: state.heads[topic] ?? .none,
                acceptedAtWallNanoseconds: 1
            )
            state.records.append(record)
            state.heads[topic] = record.sequence
            return record
        }
    }

    func trim(through sequence: UInt64) { around.state.withLock { $0.trimmedThrough = sequence } }

    func fail(_ fails: Bool) { around.state.withLock { $0.fails = fails } }

    var registry: [String] { around.state.withLock { $0.registry } }

    func count(_ name: String) -> Int { around.state.withLock { $0.counts[name] ?? 0 } }

    /// The registry commits what waits, or can't.
    func commit(failing: Bool = false) { takeCommits()(!failing) }

    /// What the registry has to commit; later requests aren't in it.
    func takeCommits() -> (_ succeeds: Bool) -> Void {
        let commits = around.state.withLock { state in
            defer { state.commits = [] }
            return state.commits
        }
        return { [eventLoop] succeeds in
            for then in commits { then(succeeds ? .success(()) : .failure(Fault())) }
            eventLoop.run()
        }
    }

    /// Does one piece of what was handed to other threads; false when there was none.
    @discardableResult
    func readOnce() -> Bool {
        guard let next = around.state.withLock({ $0.work.isEmpty ? nil : $0.work.removeFirst() }) else { return false }
        next.work.run()
        eventLoop.run()
        return true
    }

    /// Reads until nothing is left.
    func settle() { while readOnce() {} }

    /// A publisher delivers records, each in a delivery of its own.
    func deliver(_ records: ChangeRecord...) { deliver(records) }

    func deliver(_ records: [ChangeRecord]) {
        let deliveries = records.map { record in
            FanOutDelivery(
                id: record.sequence.rawValue,
                records: [.init(record: record, receivedAtNanoseconds: 1, resolvedAtNanoseconds: 1)],
                sentAtNanoseconds: 1,
                takenAtNanoseconds: 1
            )
        }
        loop.rounds.deliver(deliveries) { [self] in tallies.append($0) }
        eventLoop.run()
    }

    /// Lets what is on its way come to its end.
    func finish() { eventLoop.advanceTime(by: .milliseconds(100)) }
}
