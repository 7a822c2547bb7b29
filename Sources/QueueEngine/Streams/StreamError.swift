/// What can be wrong with a reading of a stream; the codes are DynamoDB Streams' (API reference, "GetShardIterator" and "GetRecords").
package struct StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    package enum Code: Hashable, Sendable, CaseIterable {
        /// The iterator was issued too long ago.
        case expiredIterator
        /// The records at the position were trimmed by retention.
        case trimmedDataAccess
        /// The position, or the iterator, is of another log, or of a history that this log doesn't have.
        case resourceNotFound
        /// What was asked for isn't a position, an iterator or a limit.
        case validation
        /// The log can't be read.
        case internalServerError
    }

    /// What kind of error it is.
    package let code: Code
    /// What was wrong, with which value, and what to do.
    package let message: String

    /// Makes an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
