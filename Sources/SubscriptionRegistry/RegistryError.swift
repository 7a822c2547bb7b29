public import SluiceCore

/// Why the registry couldn't do what was asked: a code for programs and a message for people.
public typealias RegistryError = CodedError<RegistryErrorCode>

/// What kind of error it is.
public enum RegistryErrorCode: String, Sendable {
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
