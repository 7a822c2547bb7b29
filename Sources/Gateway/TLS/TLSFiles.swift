import SluiceCore

/// The files of a port that speaks TLS.
///
/// They are looked at again each second, and whoever connects after a change gets what they hold then.
public struct TLSFiles: Sendable, Equatable {
    /// PEM files with a certificate and those that lead to its authority; the first is for clients that name no host, or one that none of them has.
    public var certificates: [String] = []
    /// PEM files with their keys, in the same order.
    public var keys: [String] = []
    /// PEM file with the authorities of clients' certificates; nil asks for none.
    public var clientAuthorities: String?
    /// Whether a client without a certificate is refused.
    public var requiresClientCertificate = false

    /// What of its certificate is the principal of a client that sends no token; nil for nothing.
    public var clientPrincipal: CertificatePrincipal?
    /// The topics that such a client may subscribe to where the authorizer knows tokens only; `{principal}` stands for its own.
    public var clientSubscribe: [String] = []
    /// Those that it may publish to.
    public var clientPublish: [String] = []

    /// No TLS.
    public init() {}

    /// Whether the port speaks TLS.
    public var isOn: Bool { !certificates.isEmpty }

    /// Files that don't go together.
    /// - Throws: ``GatewayError``.
    func check() throws(GatewayError) {
        guard certificates.count == keys.count else {
            throw GatewayError(
                .configuration,
                "There are \(certificates.count) files of certificates and \(keys.count) of keys: name a key for each certificate, in the same order."
            )
        }
        guard isOn || (clientAuthorities == nil && !requiresClientCertificate) else {
            throw GatewayError(
                .configuration,
                "Certificates of clients are asked for on a port with TLS only: set --tls-certificate."
            )
        }
        guard clientPrincipal == nil || clientAuthorities != nil else {
            throw GatewayError(
                .configuration,
                "Certificates are principals only where they are asked for: set --tls-client-ca with --tls-client-principal."
            )
        }
        guard clientPrincipal != nil || (clientSubscribe.isEmpty && clientPublish.isEmpty) else {
            throw GatewayError(
                .configuration,
                "Topics of certificates want to know which name counts: set --tls-client-principal."
            )
        }
        guard clientAuthorities != nil || !requiresClientCertificate else {
            throw GatewayError(
                .configuration,
                "Certificates of clients are required, and --tls-client-ca doesn't say whose."
            )
        }
    }
}
