import AsyncHTTPClient
import SluiceCore

/// Scheme and host of a server that the gateway asks, without the rest of its URL, which may hold a secret.
struct HTTPAddress: Equatable, CustomStringConvertible {
    let scheme: String
    let host: String
    /// Whether it is this machine.
    let isLoopback: Bool

    /// Nil for what isn't an http or https URL with a host and a port that there is.
    init?(_ url: String) {
        guard WebAddress.hasValidPort(url), let request = try? HTTPClient.Request(url: url), !request.host.isEmpty,
            ["http", "https"].contains(where: { ByteString(request.scheme) == $0 })
        else { return nil }
        (scheme, host) = (request.scheme, request.host)
        let isIPv6 = host.utf8.contains(UInt8(ascii: ":")) && host.utf8.first != UInt8(ascii: "[")
        isLoopback = HostName(field: (isIPv6 ? "[\(host)]" : host).utf8)?.isLoopback == true
    }

    /// Whether what goes there can be read, and what comes from there changed, by others on the way.
    var isInTheClear: Bool { ByteString(scheme) == "http" && !isLoopback }

    var description: String { "\(scheme)://\(host)" }
}
