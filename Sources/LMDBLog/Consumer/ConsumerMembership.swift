import ChangeQueue
import LMDB
import Logging
import SluiceCore

/// What a queue holds as long as it takes part: its owner lock, its use of the store, and the thread for durable
/// checkpoints.
final class ConsumerMembership {
    let store: ConsumerStore
    let owner: OwnerID
    private let run: RunDirectory
    /// Nil after the end, so that its file is gone then and not only with the queue.
    private var lock: OwnerLock?
    private let checkpoints: CheckpointWriter
    private var saved: UInt64?
    private var readersCheckedAt: UInt64 = 0
    private var isOpen = true

    private static let readerCheckNanoseconds: UInt64 = 30_000_000_000

    init(
        _ queue: QueueID,
        _ store: ConsumerStore,
        _ run: RunDirectory,
        _ logger: Logger
    ) throws(ChangeQueueError) {
        self.store = store
        self.run = run
        OwnerLock.sweep(run)
        let lock = try OwnerLock(run)
        self.lock = lock
        owner = lock.owner
        checkpoints = CheckpointWriter(
            path: DurableCheckpoint.path(queue, in: store.origin.directory),
            logger: logger
        )
        store.enter()
    }

    // A queue that is dropped without being closed is what a killed publisher leaves: its lock is free, the state as it
    // was.
    deinit { if isOpen { checkpoints.close() } }

    /// Those of `owners` that are dead.
    func dead(among owners: some Sequence<OwnerID>) -> Set<OwnerID> {
        Set(owners.filter { $0 != owner && $0 != .none && !OwnerLock.isAlive($0, run) })
    }

    /// What a heartbeat does for this publisher's place among the others: its owner lock stands, and dead readers are gone.
    /// - Throws: `cannotOpen`, `storage`.
    func maintain(nowNanoseconds now: UInt64) throws(ChangeQueueError) {
        if let restored = try lock?.restored() { lock = restored }
        try ChangeQueueError.typing("check the readers") { try checkReaders(nowNanoseconds: now) }
    }

    /// Frees the reader slots of killed processes now and then: their old views would keep the state's pages from being
    /// used again.
    private func checkReaders(nowNanoseconds now: UInt64) throws(LMDBError) {
        guard now > readersCheckedAt.saturatingAdd(ConsumerMembership.readerCheckNanoseconds) else { return }
        readersCheckedAt = now
        _ = try store.environment.checkReaders()
    }

    /// Has the checkpoint written when it has moved.
    func save(retiredThrough sequence: UInt64) {
        guard saved != sequence else { return }
        saved = sequence
        checkpoints.save(DurableCheckpoint(logID: store.origin.logID, retiredThrough: sequence))
    }

    /// Leaves: writes the last checkpoint and, when nobody else is there, marks the state as whole.
    func leave(retiredThrough sequence: UInt64) throws(ChangeQueueError) {
        guard isOpen else { return }
        isOpen = false
        save(retiredThrough: sequence)
        checkpoints.close()
        lock = nil
        try store.leave()
    }
}
