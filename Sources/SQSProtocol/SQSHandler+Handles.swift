import QueueEngine
import Queues
import SluiceCore

/// The actions on messages that were received.
extension SQSHandler {
    func delete(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        try check(handle, of: id)
        _ = try await awaiting { () async throws(QueueError) in try await service.delete([handle]) }
        return SQSHandler.empty
    }

    func deleteBatch(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let (handles, failed) = try handles(try SQSBatch.entries(of: input), of: id)
        let all = handles.map(\.handle)
        if !all.isEmpty { _ = try await awaiting { () async throws(QueueError) in try await service.delete(all) } }
        return SQSBatch.results(failed) { json in for one in handles { json.object { $0.member("Id", one.id) } } }
    }

    func changeVisibility(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let (id, handle) = (try input.queue(), try input.handle())
        guard let seconds = try input.number("VisibilityTimeout", 0...43_200) else {
            throw .missing("VisibilityTimeout")
        }
        try check(handle, of: id)
        let result = try asking { () throws(QueueError) in try service.changeVisibility([(handle, seconds)]) }
        if let error = result.first ?? nil { throw SQSError(error) }
        return SQSHandler.empty
    }

    func changeVisibilityBatch(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let entries = try SQSBatch.entries(of: input)
        var (handles, failed) = try handles(entries, of: id)
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
    private func check(_ handle: MessageHandle, of id: QueueID) throws(SQSError) {
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        guard handle.queue == queue.number else {
            throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(id).")
        }
    }

    private typealias BatchHandle = (id: String, input: SQSInput, handle: MessageHandle)

    private func handles(
        _ entries: [SQSBatch.Entry],
        of id: QueueID
    ) throws(SQSError) -> (handles: [BatchHandle], failed: [SQSBatch.Failure]) {
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        var handles: [BatchHandle] = []
        var failed: [SQSBatch.Failure] = []
        for entry in entries {
            do throws(SQSError) {
                let handle = try entry.input.handle()
                guard handle.queue == queue.number else {
                    throw SQSError("ReceiptHandleIsInvalid", "The receipt handle isn't one of the queue \(id).")
                }
                handles.append((entry.id, entry.input, handle))
            } catch {
                failed.append(SQSBatch.Failure(id: entry.id, error: error))
            }
        }
        return (handles, failed)
    }
}
