import Crypto
import CryptoExtras
import FoundationEssentials
import PosixSupport
import SluiceCore
import SwiftASN1
import X509

/// Signs notifications: RSA with SHA-256, as SNS's signature version 2 (developer guide, "Verifying the signatures of Amazon SNS messages").
///
/// Key and certificate are made once for a data directory and kept in one file that only this user may read.
struct NotificationSigner: Sendable {
    private let key: _RSA.Signing.PrivateKey
    /// The certificate with the public key, PEM; it is its own issuer.
    let certificate: String

    /// The file's name in the data directory.
    private static let fileName = "sns-signing.pem"
    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let validSeconds: TimeInterval = 20 * 365 * 86_400

    /// Reads the key of a data directory, and makes it when there is none.
    /// - Throws: ``GatewayError``, `dataDirectory`, when it can't be read or kept.
    init(directory: String) throws(GatewayError) {
        let path = directory + "/" + NotificationSigner.fileName
        do {
            if !DurableFile.exists(path) { try NotificationSigner.make(path) }
            guard let bytes = try SmallFile.read(path, maximumBytes: 64 * 1_024),
                let stored = NotificationSigner.read(String(decoding: bytes, as: UTF8.self))
            else {
                throw GatewayError(
                    .dataDirectory,
                    "The file \(path) holds no key for signing notifications. Remove it, and another one is made."
                )
            }
            (key, certificate) = stored
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError(.dataDirectory, "The key for signing notifications, \(path), can't be used: \(error)")
        }
    }

    private static func read(_ text: String) -> (key: _RSA.Signing.PrivateKey, certificate: String)? {
        let bytes = Array(text.utf8)
        let start = bytes.indices.first { bytes[$0...].starts(with: begin.utf8) }
        guard let start,
            let key = try? _RSA.Signing.PrivateKey(pemRepresentation: String(decoding: bytes[..<start], as: UTF8.self))
        else { return nil }
        return (key, String(decoding: bytes[start...], as: UTF8.self))
    }

    private static func make(_ path: String) throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let issuer = Certificate.PrivateKey(key)
        let name = try DistinguishedName { CommonName("sluice notifications") }
        let now = Date()
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: issuer.publicKey,
            // Clocks of those who check it may be behind.
            notValidBefore: now - 86_400,
            notValidAfter: now + validSeconds,
            issuer: name,
            subject: name,
            signatureAlgorithm: .sha256WithRSAEncryption,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
            },
            issuerPrivateKey: issuer
        )
        let pem = key.pemRepresentation + "\n" + (try certificate.serializeAsPEM().pemString) + "\n"
        // Another gateway on the directory may be as far: the file that was there first counts.
        try DurableFile.create(path, with: Array(pem.utf8), mode: 0o600)
    }

    /// The signature of a text, in base64.
    /// - Throws: what the key can't do.
    func signature(of text: String) throws -> String {
        let digest = SHA256.hash(data: Array(text.utf8))
        var encoded: [UInt8] = []
        let signature = try key.signature(for: digest, padding: .insecurePKCS1v1_5)
        Base64.append(Array(signature.rawRepresentation), to: &encoded)
        return String(decoding: encoded, as: UTF8.self)
    }
}
