import Crypto
import NIOSSL
import SluiceCore
import SwiftASN1
import X509

/// A client's certificate, which the gateway has verified: it is one of the authorities that the operator named.
///
/// Only of connections that the gateway's own TLS ends; of a trusted proxy's connection nothing is told, for its certificate isn't the client's.
public struct ClientCertificate: Sendable {
    /// The subject's name, as RFC 4514 writes it.
    public let subject: String
    /// The subject's common name; nil when it has none, or several.
    public let commonName: String?
    /// The alternative names that are DNS names, in their order.
    public let dnsNames: [String]
    /// Those that are URIs, such as `spiffe://example.org/service`.
    public let uris: [String]
    /// SHA-256 of the certificate, in hexadecimal.
    public let fingerprint: String

    /// Describes a certificate.
    public init(
        subject: String,
        commonName: String? = nil,
        dnsNames: [String] = [],
        uris: [String] = [],
        fingerprint: String = ""
    ) {
        self.subject = subject
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.uris = uris
        self.fingerprint = fingerprint
    }

    /// Alternative names that are looked at, at most.
    static let maximumNames = 100

    /// Reads one that TLS has verified; nil for one that can't be read, which then names nobody.
    init?(_ verified: NIOSSLCertificate) {
        guard let bytes = try? verified.toDERBytes(), let certificate = try? Certificate(derEncoded: bytes) else {
            return nil
        }
        var commonNames: [String] = []
        for part in certificate.subject {
            for attribute in part where attribute.type == .RDNAttributeType.commonName {
                if let name = String(attribute.value) { commonNames.append(name) }
            }
        }
        var dnsNames: [String] = []
        var uris: [String] = []
        let names: SubjectAlternativeNames? = (try? certificate.extensions.subjectAlternativeNames) ?? nil
        for name in names.map({ Array($0.prefix(ClientCertificate.maximumNames)) }) ?? [] {
            switch name {
            case .dnsName(let name): dnsNames.append(name)
            case .uniformResourceIdentifier(let uri): uris.append(uri)
            default: break
            }
        }
        let digest: SHA256.Digest = SHA256.hash(data: bytes)
        let subject = String(describing: certificate.subject)
        self.init(
            subject: subject,
            commonName: commonNames.count == 1 ? commonNames[0] : nil,
            dnsNames: dnsNames,
            uris: uris,
            fingerprint: ClientCertificate.hexadecimal(Array(digest))
        )
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

/// What of a client's certificate is its principal.
public enum CertificatePrincipal: String, CaseIterable, Sendable {
    /// The subject's common name.
    case commonName = "common-name"
    /// The first DNS name.
    case dns
    /// The first URI.
    case uri

    /// The principal; nil when the certificate has none of the kind, or one that is too long.
    func name(in certificate: ClientCertificate) -> String? {
        let name: String? =
            switch self {
            case .commonName: certificate.commonName
            case .dns: certificate.dnsNames.first
            case .uri: certificate.uris.first
            }
        guard let name, (1...Limits.principalBytes).contains(name.utf8.count) else { return nil }
        return name
    }
}
