import ArgumentParser
import Gateway

/// The gateway's flags for TLS.
struct TLSOptions: SettingOptions {
    @Option(
        Setting(
            "tls-certificate",
            .list,
            for: [.gateway],
            "PEM files with the port's certificates, each with those that lead to its authority; several are told apart by host. No TLS when not set."
        )
        .fills(gateway: \.tls.certificates)
    )
    var tlsCertificate: String?
    @Option(
        Setting("tls-key", .list, for: [.gateway], "PEM files with their keys, in the same order.")
            .fills(gateway: \.tls.keys)
    )
    var tlsKey: String?
    @Option(
        Setting(
            "tls-client-ca",
            .text,
            for: [.gateway],
            "PEM file with the authorities of clients' certificates; none are asked for when not set."
        )
        .fills(gateway: \.tls.clientAuthorities)
    )
    var tlsClientCA: String?
    @Flag(
        Setting(
            "tls-client-required",
            .onOff,
            default: "false",
            for: [.gateway],
            "Whether a client without such a certificate is refused."
        )
        .fills(gateway: \.tls.requiresClientCertificate)
    )
    var tlsClientRequired: Bool?
    @Option(
        Setting(
            "tls-client-principal",
            .choice(CertificatePrincipal.allCases.map(\.rawValue)),
            for: [.gateway],
            "What of such a certificate is the principal of a client that sends no token; nothing when not set."
        )
        .fills(gateway: \.tls.clientPrincipal)
    )
    var tlsClientPrincipal: String?
    @Option(
        Setting(
            "tls-client-subscribe",
            .list,
            for: [.gateway],
            "With jwt, topics that such a client may subscribe to: devices/{principal}/#, news/+; none when not set."
        )
        .fills(gateway: \.tls.clientSubscribe)
    )
    var tlsClientSubscribe: String?
    @Option(
        Setting("tls-client-publish", .list, for: [.gateway], "Those that it may publish to.")
            .fills(gateway: \.tls.clientPublish)
    )
    var tlsClientPublish: String?
    @Option(
        Setting(
            "redirect-port",
            .number(0...65_535),
            for: [.gateway],
            "A port of plain HTTP that leads to the one with TLS (308); none when not set."
        )
        .fills(gateway: \.redirectPort)
    )
    var redirectPort: String?
}
