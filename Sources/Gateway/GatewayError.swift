/// Why a gateway couldn't start.
public struct GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of fault it is.
    public enum Code: String, Sendable {
        /// Everybody could reach a gateway that lets everybody do everything.
        case unsafeAddress
        /// The HTTP port is taken.
        case portInUse
        /// The address isn't one of this host, or may not be listened on.
        case cannotListen
        /// The data directory is missing, locked, or can't be written to.
        case dataDirectory
        /// The delivery link couldn't be opened.
        case link
        /// A setting doesn't make sense.
        case configuration
    }

    /// What kind of fault it is.
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
