import ChangeQueue
import QueueEngine
import SluiceCore

/// One shard of a `stream` consumer as all publishers see it: some of the topics, read in order from a checkpoint by
/// one publisher at a time.
struct Shard: Hashable, Sendable {
    /// Which records are its own.
    var extent: ShardExtent
    /// Who reads it; ``OwnerID/none`` when it is free.
    var owner = OwnerID.none
    /// The number of the lease: another one means that the shard was in other hands.
    var lease: UInt64 = 0
    /// When the lease ends if nothing is heard of the owner, wall clock, nanoseconds.
    var leasedUntil: UInt64 = 0
    /// Every record of the shard up to here is retired.
    var checkpoint: UInt64
    /// Every record of the shard up to here was handed out; at least ``checkpoint``.
    var handedThrough: UInt64
    /// Records up to here were handed out before and are to be handed out again.
    var rewoundThrough: UInt64 = 0
    /// How often those were received.
    var attempts: UInt32 = 0
    /// Nothing is handed out before this time, wall clock, nanoseconds.
    var resumesAt: UInt64 = 0

    /// A free shard that goes on after `checkpoint`, or at its beginning.
    init(_ extent: ShardExtent, checkpoint: UInt64) {
        self.extent = extent
        let checkpoint = max(checkpoint, extent.beginning)
        self.checkpoint = checkpoint
        handedThrough = checkpoint
    }

    /// Whether it was split or merged and everything of it is retired.
    var isRetired: Bool { extent.end.map { checkpoint >= $0 } ?? false }

    /// Whether it was split or merged and everything of it was handed out.
    var isHandedOut: Bool { extent.end.map { handedThrough >= $0 } ?? false }

    /// The newest record that was handed out, now or before it went back.
    var touchedThrough: UInt64 { max(handedThrough, rewoundThrough) }

    /// Goes back to the record after `sequence`.
    mutating func rewind(to sequence: UInt64, attempts: UInt32) {
        guard sequence < handedThrough else { return }
        rewoundThrough = max(rewoundThrough, handedThrough)
        self.attempts = max(self.attempts, attempts)
        handedThrough = sequence
    }

    /// Frees it: what its owner hasn't retired is handed out again.
    mutating func release() {
        owner = .none
        leasedUntil = 0
        let count = attempts == .max ? attempts : attempts + 1
        rewind(to: checkpoint, attempts: checkpoint < rewoundThrough ? count : 1)
    }

    /// Everything of it up to a record was handed out.
    mutating func pass(through sequence: UInt64) {
        handedThrough = max(handedThrough, min(sequence, extent.end ?? .max))
    }

    /// Moves the checkpoint; it never goes back, nor beyond the end.
    mutating func retire(through sequence: UInt64) {
        checkpoint = max(checkpoint, min(sequence, extent.end ?? .max))
        handedThrough = max(handedThrough, checkpoint)
        if checkpoint >= rewoundThrough {
            rewoundThrough = 0
            attempts = 0
        }
    }

    /// How often a record will have been received when it is handed out now.
    func receiveCount(of sequence: UInt64) -> Int { sequence <= rewoundThrough ? Int(attempts) + 1 : 1 }
}
