import ChangeQueue
import SluiceCore

/// What a client is told when the log couldn't be read.
enum StorageFault {
    /// The error's own code if it has one, `StorageFailed` otherwise.
    static func apiError(_ error: any Error) -> APIError {
        switch error {
        case let error as APIError: error
        case let error as ChangeQueueError: error.apiError
        default: APIError(.storageFailed, "The log couldn't be read: \(error)")
        }
    }
}
