import Glibc
import NIOCore
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

extension GatewayError {
    /// Translates what binding the HTTP port threw; nil for errors of other kinds.
    ///
    /// `setting`: what chose the port.
    static func listening(
        on host: String,
        port: Int,
        setting: String = "--port",
        _ error: any Error
    ) -> GatewayError? {
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case EADDRINUSE:
                GatewayError(
                    .portInUse,
                    "Port \(port) of \(host) is in use: stop the other process or choose another \(setting)."
                )
            case EACCES:
                GatewayError(
                    .cannotListen,
                    "Port \(port) of \(host) may not be listened on: choose a \(setting) above 1023."
                )
            case EADDRNOTAVAIL:
                GatewayError(.cannotListen, "\(host) is not an address of this host: choose another --host.")
            default: nil
            }
        case let error as SocketAddressError:
            GatewayError(
                .cannotListen,
                "The address \(host):\(port) can't be resolved (\(error)): choose another --host."
            )
        default: nil
        }
    }

    /// Refuses to serve everyone where others can reach the gateway, unless that was asked for.
    static func checkAccess(_ configuration: GatewayConfiguration, _ authorizer: any Authorizer) throws(GatewayError) {
        guard authorizer is AllowAllAuthorizer, !configuration.isAllowAllChosen, !isLoopback(configuration.host) else {
            return
        }
        throw GatewayError(
            .unsafeAddress,
            """
            On \(configuration.host) anybody who reaches this host could read and publish everything, \
            for no authorizer is configured. Configure one, choose --authorizer allow-all explicitly, or listen on 127.0.0.1.
            """
        )
    }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" { return true }
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
        switch address {
        case .v4: return host.hasPrefix("127.")
        case .v6: return address.ipAddress == "::1"
        case .unixDomainSocket: return true
        }
    }
}
