import ChangeQueue
import QueueEngine

extension QueueError {
    /// Says what the log couldn't do, in the words of queues.
    init(_ error: ChangeQueueError) {
        switch error.code {
        case .queueFull, .itemQuotaExceeded: self.init(.full, error.message)
        case .overloaded, .shuttingDown: self.init(.unavailable, error.message)
        default: self.init(.storage, error.message)
        }
    }

    /// Runs `body` and types whatever it throws.
    static func typing<Result>(
        _ operation: @autoclosure () -> String,
        _ body: () throws -> Result
    ) throws(QueueError) -> Result {
        do { return try body() } catch let error as QueueError { throw error } catch {
            throw QueueError(ChangeQueueError(error, during: operation()))
        }
    }
}
