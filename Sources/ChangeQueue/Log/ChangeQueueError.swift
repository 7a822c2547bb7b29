import SluiceCore

/// What can go wrong with the change log and the queue on it.
public struct ChangeQueueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Equatable, Sendable {
        /// Records take all that the log's map has for them, or the disk is full, and retention had nothing to trim.
        ///
        /// Nothing was stored.
        case queueFull
        /// Items, of all or of one principal, take all that they may. Nothing was stored.
        case itemQuotaExceeded
        /// More bytes wait for the log than `maximumPendingBytes`. Nothing was stored.
        case overloaded
        /// The payload is larger than `maximumPayloadBytes`.
        case payloadTooLarge
        /// A topic is new, and there may not be another, or not yet. Nothing was stored.
        case tooManyTopics
        /// A part of the record is longer than the encoding holds.
        case invalidRecord
        /// The item's table, key or content can't be stored, or the patch doesn't apply.
        case invalidItem
        /// The item isn't of the version that the write was made for, or too large by now for its patch to be worked out in the transaction.
        case itemChanged
        /// An item isn't the JSON that its type says, or its patch isn't JSON.
        case invalidJSON
        /// The write's own rule gives the item no topic.
        case invalidTopic
        /// The writer is shutting down and accepts nothing more.
        case shuttingDown
        /// A stored record or item isn't what was written.
        case corruptRecord
        /// The disk, or what keeps the log on it, failed.
        case storage
        /// The directory can't be opened or made.
        case cannotOpen
        /// The directory is open in this process already, or another process holds what is asked for.
        case locked
        /// The directory was written by other software than this version reads.
        case versionMismatch
        /// The stream's shards can't be split or merged so.
        case cannotReshard
    }

    /// What kind of error it is.
    public let code: Code
    /// What was wrong, with which value, and what to do.
    public let message: String
    /// Which of the log's limits was met, if it was one.
    public let refusal: AppendRefusal?

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        refusal = nil
    }

    /// The error of an append that met a limit.
    package init(_ refusal: AppendRefusal, _ message: String) {
        code = refusal.code
        self.message = message
        self.refusal = refusal
    }

    /// The message.
    public var description: String { message }
}
