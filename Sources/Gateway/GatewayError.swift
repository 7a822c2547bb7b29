public import SluiceCore

/// Why a gateway couldn't start.
public typealias GatewayError = CodedError<GatewayErrorCode>

/// What kind of fault it is.
public enum GatewayErrorCode: String, Sendable {
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
