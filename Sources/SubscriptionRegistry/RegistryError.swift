public import SluiceCore

/// Why the registry couldn't do what was asked: a code for programs and a message for people.
public struct RegistryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: String, Sendable {
        /// The file or its lock can't be opened or made.
        case cannotOpen
        /// There is no registry at the path, and this process may not make one.
        case notFound
        /// The file isn't a registry, or it is damaged.
        case corrupt
        /// The file has another version's tables.
        case versionMismatch
        /// Another process held the file for longer than the busy timeout.
        case busy
        /// The disk is full.
        case full
        /// SQLite failed in another way.
        case storage
        /// Too many requests wait for a commit.
        case overloaded
        /// The connection isn't registered, or it has been disconnected.
        case unknownConnection
        /// The writer is closed.
        case closed
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

    /// Code and message.
    public var description: String { "\(code.rawValue): \(message)" }

    /// What a client is told.
    public var apiError: APIError {
        switch code {
        case .overloaded: APIError(.overloaded, message)
        case .closed: APIError(.shuttingDown, message)
        case .unknownConnection: APIError(.internalError, message)
        case .cannotOpen, .notFound, .corrupt, .versionMismatch, .busy, .full, .storage:
            APIError(.storageFailed, message)
        }
    }
}
