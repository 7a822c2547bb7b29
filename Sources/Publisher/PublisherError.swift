/// Why a publisher can't start.
public struct PublisherError: Error, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: String, Sendable {
        /// The data directory, the log, the consumer state or the registry can't be opened.
        case dataDirectory
        /// The address of `/healthz` and `/metrics` can't be bound.
        case operationsAddress
        /// A setting doesn't make sense.
        case configuration
    }

    /// What kind of failure it is.
    public let code: Code
    /// What was wrong, with which value, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
