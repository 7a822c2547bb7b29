/// What can be wrong with a request to a message queue.
public struct QueueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Hashable, Sendable, CaseIterable {
        /// There is no queue of that name.
        case noSuchQueue
        /// There is one, with other attributes.
        case queueExists
        /// There is no topic of that name, or no such subscription of it.
        case noSuchTopic
        /// An attribute's name is none.
        case unknownAttribute
        /// An attribute's value is out of its range, or names what isn't there.
        case invalidAttribute
        /// A message's body or attributes aren't what they may be.
        case invalidMessage
        /// The message, or the batch, is larger than the queue takes.
        case tooLong
        /// The receipt handle isn't one.
        case invalidHandle
        /// The message isn't in flight: its visibility timeout is over, or it is deleted.
        case notInFlight
        /// As many messages are in flight as may be.
        case overLimit
        /// The queue was purged a moment ago.
        case purgeInProgress
        /// There is no such task that moves messages, or it has ended.
        case noSuchTask
        /// Not offered.
        case unsupported
        /// The log has no room.
        case full
        /// The log can't take it now.
        case unavailable
        /// The disk, or what is on it, failed.
        case storage
    }

    /// What kind of error it is.
    public let code: Code
    /// What was wrong, with which value, and what to do.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
