import Glibc

/// Keeps the memory map in place while transactions use it: each transaction holds it shared, a change of the map's
/// size exclusively, since LMDB allows the latter only when this process has no transaction (lmdb.h,
/// `mdb_env_set_mapsize`).
///
/// glibc's default prefers readers, so that a transaction inside another one of the same thread can't deadlock.
final class MapLock: Sendable {
    // The lock is its own synchronisation; the pointer never changes.
    private nonisolated(unsafe) let lock: UnsafeMutablePointer<pthread_rwlock_t>

    init() {
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_rwlock_t())
        pthread_rwlock_init(lock, nil)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    func lockShared() { pthread_rwlock_rdlock(lock) }

    func lockExclusively() { pthread_rwlock_wrlock(lock) }

    func unlock() { pthread_rwlock_unlock(lock) }
}
