import ChangeQueue
import SluiceCore

/// A queue's state as one looks at it: the figures and the records that aren't retired, whatever its kind.
enum ConsumerView {
    case standard(LeaseState)
    case stream(StreamState, ShardMap)

    /// A stream's state with its map.
    static func stream(_ state: StreamState) -> ConsumerView { .stream(state, state.map) }

    /// Most records that are looked at one by one.
    static let maximumVisited = 1_000_000

    /// What may not be retired, ascending.
    func unretired(_ bounds: LogBounds) -> [SequenceRange] {
        switch self {
        case .standard(let state): state.unretired(bounds)
        case .stream(let state, _): state.unretired(bounds)
        }
    }

    /// Where a record stands; nil when it is retired.
    func standing(of header: RecordHeader, nowNanoseconds now: UInt64) -> RecordStanding? {
        switch self {
        case .standard(let state): state.standing(of: header.sequence.rawValue, nowNanoseconds: now)
        case .stream(let state, let map):
            state.standing(of: header.sequence.rawValue, topic: header.topic, map, nowNanoseconds: now)
        }
    }

    /// The same with what dead publishers hold given back, as the next receive would find it.
    func withoutOwners(_ isDead: (OwnerID) -> Bool, nowNanoseconds now: UInt64) -> ConsumerView {
        switch self {
        case .standard(var state):
            let dead = Set(state.leases.leases.map(\.owner)).filter { $0 != .none && isDead($0) }
            LeaseTakeOver(owners: dead, nowNanoseconds: now).apply(to: &state)
            return .standard(state)
        case .stream(var state, let map):
            let dead = Set(state.shards.map(\.owner)).filter { $0 != .none && isDead($0) }
            for index in state.shards.indices where dead.contains(state.shards[index].owner) {
                state.shards[index].release()
            }
            return .stream(state, map)
        }
    }

    /// The queue's figures.
    ///
    /// Those of a standard queue are exact; of a stream, records between the lowest and the highest position are
    /// counted one by one, up to ``maximumVisited``, and what is beyond counts as visible.
    func depth(
        of queue: QueueID,
        _ reader: LogReader,
        nowNanoseconds now: UInt64
    ) throws(ChangeQueueError) -> QueueDepth {
        let statistics = try reader.statistics()
        let bounds = LogBounds(first: statistics.firstSequence.rawValue, last: statistics.lastSequence.rawValue)
        var depth: QueueDepth
        switch self {
        case .standard(let state): depth = state.depth(of: queue, bounds, nowNanoseconds: now)
        case .stream(let state, _): depth = try streamDepth(queue, state, bounds, reader, nowNanoseconds: now)
        }
        depth.oldestAgeSeconds = try oldestAgeSeconds(bounds, reader, nowNanoseconds: now)
        depth.logRecords = statistics.logRecords
        depth.logBytes = statistics.logBytes
        depth.mapUsedBytes = statistics.mapUsedBytes
        depth.mapSizeBytes = statistics.mapSizeBytes
        depth.lastSequence = statistics.lastSequence
        return depth
    }

    private func streamDepth(
        _ queue: QueueID,
        _ state: StreamState,
        _ bounds: LogBounds,
        _ reader: LogReader,
        nowNanoseconds now: UInt64
    ) throws(ChangeQueueError) -> QueueDepth {
        var depth = QueueDepth(queue: queue)
        var visitedThrough = max(state.retiredThrough, bounds.first - min(bounds.first, 1))
        if let uncertain = state.uncertain?.overlap(SequenceRange(visitedThrough + 1, bounds.last)) {
            visitedThrough = min(uncertain.last, uncertain.first.saturatingAdd(UInt64(ConsumerView.maximumVisited)))
            try reader.visit([SequenceRange(uncertain.first, visitedThrough)]) { header, _ in
                switch self.standing(of: header, nowNanoseconds: now)?.state {
                case .visible: depth.visible += 1
                case .inFlight: depth.inFlight += 1
                case .delayed: depth.delayed += 1
                case nil: break
                }
                return true
            }
        }
        depth.visible += bounds.last - min(bounds.last, visitedThrough)
        return depth
    }

    private func oldestAgeSeconds(
        _ bounds: LogBounds,
        _ reader: LogReader,
        nowNanoseconds now: UInt64
    ) throws(ChangeQueueError) -> Double {
        var acceptedAt: UInt64?
        var left = ConsumerView.maximumVisited
        try reader.visit(unretired(bounds)) { header, _ in
            left -= 1
            if standing(of: header, nowNanoseconds: now) != nil { acceptedAt = header.acceptedAtWallNanoseconds }
            return acceptedAt == nil && left > 0
        }
        guard let acceptedAt, acceptedAt < now else { return 0 }
        return Double(now - acceptedAt) / 1e9
    }
}

/// Where a record that isn't retired stands.
struct RecordStanding: Hashable {
    var state: RecordState
    var receiveCount: Int
}
