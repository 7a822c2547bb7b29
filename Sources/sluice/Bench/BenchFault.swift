import NIOCore
import NIOPosix

/// Why the load can't begin, for people.
enum BenchFault {
    /// No connection to the gateway.
    static func cannotConnect(_ target: BenchTarget, _ error: any Error) -> CommandError {
        if let error = error as? CommandError { return error }
        let reason: String =
            switch error {
            case let error as NIOConnectionError:
                error.connectionErrors.first.map { plain($0.error) } ?? "the name '\(error.host)' can't be resolved"
            default: plain(error)
            }
        return CommandError(
            .unavailable,
            "No gateway answers at \(target.address): \(reason). Start one with 'sluice gateway', or name another with --url."
        )
    }

    private static func plain(_ error: any Error) -> String {
        switch error {
        case let error as IOError where error.errnoCode == ECONNREFUSED: "the connection is refused"
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL:
            "no local port is free for one more connection; ask for fewer --connections"
        case let error as IOError: error.description
        case is ChannelError: "it doesn't take the connection, or closes it before the upgrade"
        default: "\(error)"
        }
    }
}
