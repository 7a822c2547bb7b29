import AsyncHTTPClient
import SluiceCore

/// The hosts that notifications may be sent to: whoever may subscribe could otherwise have the gateway ask any server that it reaches.
struct EndpointRules: Sendable {
    private let hosts: AllowedHosts

    /// The hosts that an operator chose: names, addresses, `*.example.com` for all names below, `*` for every host.
    /// - Throws: ``GatewayError`` for a pattern that is none of these.
    init(_ patterns: [String]?) throws(GatewayError) { hosts = try AllowedHosts(patterns ?? [], listenHost: "") }

    /// Why an endpoint may not be sent anything; nil when it may.
    func refusal(of endpoint: String) -> String? {
        let shown = endpoint.printable(limit: 120)
        guard WebAddress.hasValidPort(endpoint), let request = try? HTTPClient.Request(url: endpoint),
            !request.host.isEmpty,
            !endpoint.utf8.contains(UInt8(ascii: "@"))
        else {
            return "The endpoint '\(shown)' isn't an http or https URL with a host, without user and password."
        }
        let isIPv6 = request.host.utf8.contains(UInt8(ascii: ":")) && request.host.utf8.first != UInt8(ascii: "[")
        guard let host = HostName(field: (isIPv6 ? "[\(request.host)]" : request.host).utf8), hosts.lists(host) else {
            return "The endpoint '\(shown)' isn't on a host that this gateway may send to. Name it in --sns-endpoints."
        }
        return nil
    }
}
