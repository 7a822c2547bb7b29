import ArgumentParser
import Gateway

/// The gateway's flags for pages, proxies and paths.
struct AccessOptions: SettingOptions {
    @Option(
        Setting(
            "allowed-origins",
            .list,
            for: [.gateway],
            "Pages that may connect: https://app.example.com, https://*.example.com, null, *; its own always, loopback's on loopback when not set."
        )
        .fills(gateway: \.allowedOrigins)
    )
    var allowedOrigins: String?
    @Option(
        Setting(
            "trusted-proxies",
            .list,
            for: [.gateway],
            "Networks of proxies whose word about their clients is taken: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1; none when not set."
        )
        .fills(gateway: \.trustedProxies)
    )
    var trustedProxies: String?
    @Option(
        Setting(
            "forwarded-field",
            .choice(ForwardedField.allCases.map(\.rawValue)),
            default: "x-forwarded-for",
            for: [.gateway],
            "The field in which they name their clients; the other isn't looked at, for it would be the client's own word."
        )
        .fills(gateway: \.forwardedField)
    )
    var forwardedField: String?
    @Flag(
        Setting(
            "proxy-protocol",
            .onOff,
            default: "false",
            for: [.gateway],
            "Whether each connection of a trusted proxy begins with a PROXY header (version 1 or 2) that names its client; others send none."
        )
        .fills(gateway: \.speaksProxyProtocol)
    )
    var proxyProtocol: Bool?
    @Option(
        Setting(
            "path-prefix",
            .text,
            for: [.gateway],
            "What all paths begin with, for a gateway below a path of a site, such as /rt."
        )
        .fills(gateway: \.pathPrefix)
    )
    var pathPrefix: String?
    @Option(
        Setting(
            "demo",
            .choice(DemoPage.allCases.map(\.rawValue)),
            for: [.gateway],
            "Whether the demo page and the documents are served; on a loopback host only when not set."
        )
        .fills(gateway: \.demo)
    )
    var demo: String?
}
