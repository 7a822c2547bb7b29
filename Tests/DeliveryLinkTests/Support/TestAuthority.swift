import Crypto
import Foundation
import SwiftASN1
import X509

/// An authority with certificates of its own, in files of a directory that a test removes.
struct TestAuthority {
    private let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    private let name: DistinguishedName
    private let directory: String
    /// The file with its own certificate.
    let file: String

    init(in directory: String, called name: String) throws {
        self.directory = directory
        self.name = try DistinguishedName { CommonName(name) }
        file = "\(directory)/\(name).pem"
        let certificate = try TestAuthority.certificate(
            of: self.name,
            key.publicKey,
            by: self.name,
            key,
            try Certificate.Extensions { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }
        )
        try Self.write(try certificate.serializeAsPEM().pemString, to: file)
    }

    /// Makes a certificate for hosts, with its key, and returns their files.
    func issue(_ label: String, for names: [GeneralName]) throws -> (certificate: String, key: String) {
        let own = P256.Signing.PrivateKey()
        let certificate = try Self.certificate(
            of: try DistinguishedName { CommonName(label) },
            Certificate.PrivateKey(own).publicKey,
            by: name,
            key,
            try Certificate.Extensions { SubjectAlternativeNames(names) }
        )
        let files = (certificate: "\(directory)/\(label).pem", key: "\(directory)/\(label).key")
        try Self.write(try certificate.serializeAsPEM().pemString, to: files.certificate)
        try Self.write(own.pemRepresentation, to: files.key)
        return files
    }

    private static func certificate(
        of subject: DistinguishedName,
        _ publicKey: Certificate.PublicKey,
        by issuer: DistinguishedName,
        _ issuerKey: Certificate.PrivateKey,
        _ extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: Date() - 3_600,
            notValidAfter: Date() + 3_600,
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions,
            issuerPrivateKey: issuerKey
        )
    }

    /// Puts the contents of one file into another.
    static func replace(_ file: String, with other: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: other)).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    private static func write(_ text: String, to file: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    }
}
