import NIOCore
import NIOHTTP1
import SluiceCore

/// What every request's head must keep to, whichever part of the gateway it is for: publishes, routed requests and
/// handshakes of WebSockets.
struct HeadRules: Sendable {
    /// The names that the gateway answers to.
    let hosts: AllowedHosts

    /// Checks a head.
    ///
    /// `localAddress`: where the client connected to.
    /// - Throws: `InvalidRequest` for a Host that is missing, doubled or malformed (RFC 9112, section 3.2) and for two
    ///   Authorization fields, of which two readers could take different ones; `MisdirectedRequest` for another's host.
    func check(_ head: HTTPRequestHead, _ fields: PublishHead, localAddress: SocketAddress?) throws(APIError) {
        guard fields.authorizationCount <= 1 else {
            throw APIError(
                .invalidRequest,
                "The request has \(fields.authorizationCount) Authorization fields: send one."
            )
        }
        let isHostOptional = head.version.major == 1 && head.version.minor == 0
        guard fields.hostCount == 1 || (fields.hostCount == 0 && isHostOptional) else {
            throw APIError(.invalidRequest, "The request has \(fields.hostCount) Host fields: send one.")
        }
        if let host = fields.host { try check(host, localAddress) }
        // In absolute form the target's host counts, not the field (RFC 9112, section 3.2.2).
        if let authority = RequestTarget.authority(of: head.uri) { try check(authority, localAddress) }
    }

    private func check(_ field: String, _ localAddress: SocketAddress?) throws(APIError) {
        guard let name = HostName(field: field.utf8) else {
            throw APIError(.invalidRequest, "The host '\(field.printable(limit: 80))' is not a name or an address.")
        }
        guard hosts.allows(name, localAddress: localAddress?.ipAddress) else {
            throw APIError(
                .misdirectedRequest,
                "This gateway is not '\(field.printable(limit: 80))'. If it should be, name it in --allowed-hosts."
            )
        }
    }
}
