import ChangeQueue
import SluiceCore

@testable import Gateway

/// Errors as the log makes them.
enum TestErrors {
    static let queueFull = ChangeQueueError(.queueFull, "The log is full.")
}
