import ArgumentParser
import Gateway
import Publisher

/// The gateway's flags for a link over TLS.
struct LinkTLSOptions: SettingOptions {
    @Option(
        Setting(
            "link-certificate",
            .text,
            for: [.gateway],
            "PEM file with the certificate of a link at tls://host:port, and those that lead to its authority; it must be for that host."
        )
        .fills(gateway: \.linkCertificate)
    )
    var linkCertificate: String?
    @Option(
        Setting("link-key", .text, for: [.gateway], "PEM file with its key.").fills(gateway: \.linkKey)
    )
    var linkKey: String?
}

/// The publisher's.
struct LinkAuthorityOptions: SettingOptions {
    @Option(
        Setting(
            "link-ca",
            .text,
            for: [.publisher],
            "PEM file with the authorities of gateways' certificates on links over TLS; the system's when not set."
        )
        .fills(publisher: \.linkAuthorities)
    )
    var linkCA: String?
}
