import Glibc

/// A mutex with a condition variable on the monotonic clock: what a dedicated thread sleeps on.
package final class ThreadCondition: Sendable {
    // It is its own synchronisation; the pointer never changes.
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // It is its own synchronisation; the pointer never changes.
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>

    /// Makes one that nobody waits on.
    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Takes the mutex.
    package func lock() { pthread_mutex_lock(mutex) }

    /// Gives the mutex back.
    package func unlock() { pthread_mutex_unlock(mutex) }

    /// Wakes the waiting thread; the lock need not be held.
    package func signal() { pthread_cond_signal(condition) }

    /// Sleeps until a signal or until the monotonic clock shows `deadlineNanoseconds`, without the lock, which must be
    /// held.
    /// - Returns: whether the time was over.
    package func wait(untilNanoseconds deadline: UInt64) -> Bool {
        var time = timespec()
        time.tv_sec = Int(clamping: deadline / 1_000_000_000)
        time.tv_nsec = Int(deadline % 1_000_000_000)
        return pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT
    }
}
