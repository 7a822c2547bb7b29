import ChangeQueue
import QueueEngine

/// Splits a shard, or merges two: they are closed at a place in the log, and shards of other hash ranges go on after it.
///
/// No record changes its place in the order: the new shards hand out nothing before everything of the closed ones is retired.
package enum StreamReshard: Hashable, Sendable {
    /// SplitShard: two halves of a shard's hash range.
    case split(UInt64)
    /// MergeShards: two shards whose hash ranges are next to each other become one.
    case merge(UInt64, UInt64)

    /// Changes the shards.
    /// - Parameters:
    ///   - state: the stream.
    ///   - last: the log's newest record. The shards are closed there, or after what was handed out, whichever is later.
    /// - Returns: the numbers of the new shards.
    /// - Throws: `cannotReshard` when a shard isn't there or is closed, the two aren't next to each other, or there are too many shards; then nothing
    ///   is changed.
    func apply(to state: inout StreamState, last: UInt64) throws(ChangeQueueError) -> [UInt64] {
        let closing: [Int]
        let ranges: [HashRange]
        switch self {
        case .split(let id):
            let index = try StreamReshard.open(id, in: state)
            guard let halves = state.shards[index].extent.hashes.halves else {
                throw StreamReshard.refused("The shard \(id) has one hash only and can't be split.")
            }
            (closing, ranges) = ([index], [halves.0, halves.1])
        case .merge(let first, let second):
            let pair = [try StreamReshard.open(first, in: state), try StreamReshard.open(second, in: state)]
            guard
                let joined = state.shards[pair[0]].extent.hashes.joined(with: state.shards[pair[1]].extent.hashes)
            else {
                throw StreamReshard.refused(
                    "The hash ranges of the shards \(first) and \(second) aren't next to each other; see sluice stream shards."
                )
            }
            (closing, ranges) = (pair, [joined])
        }
        guard state.shards.count + ranges.count <= StreamState.maximumShards else {
            throw StreamReshard.refused(
                """
                The stream has \(state.shards.count) shards, closed ones included, and may have \(StreamState.maximumShards). \
                Merge some, or try again when what is closed is delivered.
                """
            )
        }
        let place = closing.reduce(last) { max($0, state.shards[$1].touchedThrough) }
        for index in closing { state.shards[index].extent.end = place }
        return ranges.map { hashes in
            let id = StreamReshard.nextID(in: state)
            state.shards.append(
                Shard(ShardExtent(id: id, hashes: hashes, beginning: place), checkpoint: place)
            )
            return id
        }
    }

    private static func open(_ id: UInt64, in state: StreamState) throws(ChangeQueueError) -> Int {
        guard let index = state.shards.firstIndex(where: { $0.extent.id == id }) else {
            throw refused("There is no shard \(id); see sluice stream shards.")
        }
        guard state.shards[index].extent.end == nil else {
            throw refused("The shard \(id) is closed already: it was split or merged; see sluice stream shards.")
        }
        return index
    }

    /// Above all others, since the youngest shard is open and so is never removed; with a handle byte that no other has.
    private static func nextID(in state: StreamState) -> UInt64 {
        let taken = Set(state.shards.map(\.extent.handleByte))
        var id = (state.shards.last?.extent.id ?? 0) + 1
        while taken.contains(UInt8(truncatingIfNeeded: id)) { id += 1 }
        return id
    }

    private static func refused(_ message: String) -> ChangeQueueError { ChangeQueueError(.cannotReshard, message) }
}
