import Logging
import QueueEngine
import SluiceCore

/// What nobody else does.
extension MessageQueueService {
    /// Removes, until it is cancelled, what nobody else does: messages whose time is over in queues from which nobody receives, and what is left of
    /// deleted queues.
    package func maintain() async {
        while !Task.isCancelled {
            do throws(QueueError) {
                for queue in try store.discardable() { try await discard(queue) }
                for queue in try store.queues(after: nil, prefix: "", maximum: .max) { try await expire(queue) }
                try store.forgetAttempts(nowNanoseconds: wallNanoseconds())
                try await forgetDuplicates()
            } catch {
                logger.warning("the upkeep of message queues failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(60))
        }
    }

    private func forgetDuplicates() async throws(QueueError) {
        let before = wallNanoseconds() - FIFOAttributes.deduplicationNanoseconds
        while !Task.isCancelled {
            let change = MessageChange.forgetDuplicates(
                beforeNanoseconds: before,
                maximum: MessageQueueService.slice
            )
            guard case .changed(let count) = try await store.commit(change), count == MessageQueueService.slice else {
                return
            }
        }
    }

    private func expire(_ queue: MessageQueue) async throws(QueueError) {
        while !Task.isCancelled {
            let ordinals = try store.expired(
                in: queue,
                maximum: MessageQueueService.slice,
                nowNanoseconds: wallNanoseconds()
            )
            guard !ordinals.isEmpty else { return }
            try await remove(ordinals, from: queue.number)
            observer?.note(.expired, of: queue.id, ordinals.count)
        }
    }
}
