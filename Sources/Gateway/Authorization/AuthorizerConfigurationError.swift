public import SluiceCore

/// Why an authorizer can't be made from its configuration; the process should end with it rather than start unprotected.
public typealias AuthorizerConfigurationError = CodedError<AuthorizerConfigurationErrorCode>

/// What kind of fault it is.
public enum AuthorizerConfigurationErrorCode: Sendable {
    /// A key file doesn't exist, can't be read or is too large.
    case unreadableFile
    /// A key file holds no key of a kind that is known, or one that is too weak.
    case invalidKey
    /// No key at all is configured.
    case noKeys
    /// The back end's URL is missing or isn't an HTTP URL.
    case invalidURL
    /// A number lies outside what is allowed.
    case invalidLimit
}
