package import QueueEngine
package import SluiceCore

extension MessageQueueService {
    /// Removes the messages of a queue that were sent longer ago, in steps.
    ///
    /// A dead letter keeps its time, so that all messages are looked at. Those that can't be read stay.
    /// - Parameters:
    ///   - id: the queue.
    ///   - olderThanSeconds: the age.
    ///   - onProgress: told how many are removed after each step.
    /// - Returns: how many were removed.
    /// - Throws: ``QueueError``.
    package func trim(
        _ id: QueueID,
        olderThanSeconds: Int,
        onProgress: (Int) -> Void = { _ in }
    ) async throws(QueueError) -> Int {
        let queue = try queue(id)
        let now = wallNanoseconds()
        let (age, overflows) = UInt64(max(olderThanSeconds, 0)).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflows, age <= now else { return 0 }
        let last = try store.lastOrdinals(of: [queue.number]).first ?? 0
        var (removed, next) = (0, UInt64(1))
        while next <= last {
            let messages = try store.messages(
                of: queue,
                from: next,
                maximum: MessageQueueService.trimmedAtOnce,
                nowNanoseconds: now
            )
            guard let end = messages.last?.ordinal else { break }
            let old = messages.filter { message in
                guard message.ordinal <= last, let sent = try? message.message.get().sentAtNanoseconds else {
                    return false
                }
                return sent < now - age
            }
            if !old.isEmpty { try await remove(old.map(\.ordinal), from: queue.number) }
            removed += old.count
            next = end + 1
            onProgress(removed)
        }
        return removed
    }

    /// Messages that are read at once: they are as long as they like.
    private static let trimmedAtOnce = 100
}
