import Glibc
public import LMDB
public import SluiceCore

/// What can go wrong with the change log and the queue on it.
public struct ChangeQueueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Equatable, Sendable {
        /// The log's map, or the disk, is full and retention had nothing to trim. Nothing was stored.
        case queueFull
        /// More bytes wait for the log than `maximumPendingBytes`. Nothing was stored.
        case overloaded
        /// The payload is larger than `maximumPayloadBytes`.
        case payloadTooLarge
        /// There are `maximumTopics` topics with records in the log.
        case tooManyTopics
        /// A part of the record is longer than the encoding holds.
        case invalidRecord
        /// The item's table, key or content can't be stored, or the patch doesn't apply.
        case invalidItem
        /// The item isn't of the version that the write was made for, or too large by now for its patch to be worked out in the transaction.
        case itemChanged
        /// The caller's own rule refused, such as the topic template.
        case rejected(APIError)
        /// The writer is shutting down and accepts nothing more.
        case shuttingDown
        /// A stored record or item isn't what was written.
        case corruptRecord
        /// LMDB or the disk failed.
        case storage(LMDBError)
        /// The directory can't be opened or made.
        case cannotOpen
        /// The directory is open in this process already, or another process holds what is asked for.
        case locked
        /// The directory was written by other software than this version reads.
        case versionMismatch
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

    /// Types whatever came out of a transaction.
    /// - Parameters:
    ///   - error: what was thrown; an error of this type is kept as it is.
    ///   - operation: what was being done, such as `"append"`.
    public init(_ error: any Error, during operation: String) {
        switch error {
        case let error as ChangeQueueError: self = error
        case let error as LMDBError: self.init(error, during: operation)
        case let error as RecordCodecError:
            self.init(.corruptRecord, "Could not \(operation): \(error). The log is damaged; restore it from a copy.")
        case let error as APIError: self.init(.rejected(error), error.message)
        default: self.init(.corruptRecord, "Could not \(operation): \(error).")
        }
    }

    private init(_ error: LMDBError, during operation: String) {
        switch error.code {
        case .mapFull:
            self.init(.queueFull, "Could not \(operation): the map is full. Raise its size or shorten the retention.")
        case .system(ENOSPC), .system(EDQUOT):
            self.init(.queueFull, "Could not \(operation): the disk is full. Free space on it.")
        case .alreadyOpen:
            self.init(.locked, "Could not \(operation): \(error). Share the one that is open.")
        case .versionMismatch, .invalid:
            self.init(
                .versionMismatch,
                "Could not \(operation): \(error). It was not written by this version of Sluice."
            )
        default:
            self.init(.storage(error), "Could not \(operation): \(error).")
        }
    }

    /// The message.
    public var description: String { message }

    /// What a client is told.
    public var apiError: APIError {
        switch code {
        case .queueFull, .tooManyTopics: APIError(.queueFull, message)
        case .overloaded, .itemChanged: APIError(.overloaded, message)
        case .payloadTooLarge: APIError(.payloadTooLarge, message)
        case .invalidRecord, .invalidItem: APIError(.invalidRequest, message)
        case .rejected(let error): error
        case .shuttingDown: APIError(.shuttingDown, message)
        case .corruptRecord, .storage, .cannotOpen, .locked, .versionMismatch: APIError(.storageFailed, message)
        }
    }

    /// Runs `body` and types whatever it throws.
    static func typing<Result>(
        _ operation: @autoclosure () -> String,
        _ body: () throws -> Result
    ) throws(ChangeQueueError) -> Result {
        do { return try body() } catch { throw ChangeQueueError(error, during: operation()) }
    }
}
