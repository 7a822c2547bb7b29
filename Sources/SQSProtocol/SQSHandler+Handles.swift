import QueueEngine
import Queues
import SluiceCore

/// The actions on messages that were received.
extension SQSHandler {
    func delete(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        let queue = try check(handle, of: id)
        let standing = try await awaiting { () async throws(QueueError) in
            try await service.delete([handle], from: queue)
        }
        if let error = standing.first.flatMap({ SQSHandler.failure(of: $0, in: queue) }) { throw error }
        return SQSHandler.empty
    }

    func deleteBatch(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let entries = try SQSBatch.entries(of: input)
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        var (handles, failed) = try handles(entries, of: queue)
        let all = handles.map(\.handle)
        let standing = try await awaiting { () async throws(QueueError) in try await service.delete(all, from: queue) }
        for (one, standing) in zip(handles, standing) {
            if let error = SQSHandler.failure(of: standing, in: queue) {
                failed.append(SQSBatch.Failure(id: one.id, error: error))
            }
        }
        handles.removeAll { one in failed.contains { $0.id == one.id } }
        return SQSBatch.results(failed) { json in for one in handles { json.object { $0.member("Id", one.id) } } }
    }

    /// Why a message wasn't deleted; nil when it was, or when AWS says that it was.
    private static func failure(of standing: HandleStanding, in queue: MessageQueue) -> SQSError? {
        guard queue.isFIFO, standing == .lapsed || standing == .stale else { return nil }
        return .invalid("The receipt handle has expired: receive the message anew.")
    }

    func changeVisibility(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        guard let seconds = try input.number("VisibilityTimeout", 0...43_200) else {
            throw .missing("VisibilityTimeout")
        }
        _ = try check(handle, of: id)
        let result = try asking { () throws(QueueError) in try service.changeVisibility([(handle, seconds)]) }
        if let error = result.first ?? nil { throw SQSError(error) }
        return SQSHandler.empty
    }

    func changeVisibilityBatch(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let entries = try SQSBatch.entries(of: input)
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        var (handles, failed) = try handles(entries, of: queue)
        var changes: [(handle: MessageHandle, seconds: Int)] = []
        for one in handles {
            do throws(SQSError) {
                changes.append((one.handle, try one.input.number("VisibilityTimeout", 0...43_200) ?? 0))
            } catch {
                failed.append(SQSBatch.Failure(id: one.id, error: error))
            }
        }
        handles.removeAll { one in failed.contains { $0.id == one.id } }
        let asked = changes
        let outcomes = try asking { () throws(QueueError) in try service.changeVisibility(asked) }
        for (one, error) in zip(handles, outcomes) {
            if let error { failed.append(SQSBatch.Failure(id: one.id, error: SQSError(error))) }
        }
        return SQSBatch.results(failed) { json in
            for (one, error) in zip(handles, outcomes) where error == nil { json.object { $0.member("Id", one.id) } }
        }
    }

    /// A handle of another queue is none.
    private func check(_ handle: MessageHandle, of id: QueueID) throws(SQSError) -> MessageQueue {
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        guard handle.queue == queue.number else {
            throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(id).")
        }
        return queue
    }

    private typealias BatchHandle = (id: String, input: SQSInput, handle: MessageHandle)

    private func handles(
        _ entries: [SQSBatch.Entry],
        of queue: MessageQueue
    ) throws(SQSError) -> (handles: [BatchHandle], failed: [SQSBatch.Failure]) {
        var handles: [BatchHandle] = []
        var failed: [SQSBatch.Failure] = []
        for entry in entries {
            do throws(SQSError) {
                let handle = try entry.input.handle()
                guard handle.queue == queue.number else {
                    throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(queue.id).")
                }
                handles.append((entry.id, entry.input, handle))
            } catch {
                failed.append(SQSBatch.Failure(id: entry.id, error: error))
            }
        }
        return (handles, failed)
    }
}
