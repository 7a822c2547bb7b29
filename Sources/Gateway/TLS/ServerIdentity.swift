import Glibc
import NIOSSL
import SluiceCore

/// A certificate of the gateway with its key, as it stood in its files.
struct ServerIdentity: Sendable {
    /// The certificate's file, which names it in logs and metrics.
    let file: String
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    /// The hosts that it is for, in lower case; a name may begin with `*.`.
    let names: [ByteString]
    /// When it ends, seconds since 1970.
    let endsAtWallSeconds: Int

    /// Reads the files.
    /// - Throws: ``GatewayError`` for a file that can't be read, holds none, or a key that isn't the certificate's.
    init(certificate: String, key keyFile: String) throws(GatewayError) {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate)
        } catch {
            throw ServerIdentity.fault("certificate", certificate, error)
        }
        guard let leaf = chain.first else { throw ServerIdentity.fault("certificate", certificate, nil) }
        do {
            key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        } catch {
            throw ServerIdentity.fault("key", keyFile, error)
        }
        do {
            // Making a context is how the library compares them.
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) },
                    privateKey: .privateKey(key)
                )
            )
        } catch {
            throw GatewayError(
                .configuration,
                "The key in \(keyFile.printable(limit: 200)) isn't that of the certificate in \(certificate.printable(limit: 200)): \(error)"
            )
        }
        file = certificate
        self.chain = chain
        names = leaf._subjectAlternativeNames().compactMap { name in
            name.nameType == .dnsName ? ByteString(decoding: Array(name.contents)).lowercasedASCII : nil
        }
        endsAtWallSeconds = Int(leaf.notValidAfter)
    }

    private static func fault(_ what: String, _ file: String, _ error: (any Error)?) -> GatewayError {
        let reason = error.map { "\($0)" } ?? "there is none in it"
        return GatewayError(
            .configuration,
            "No \(what) can be read from \(file.printable(limit: 200)): \(reason). It must be a PEM file that this user may read."
        )
    }

    /// Whether it is for a host (RFC 9525, section 6.3): `*.` stands for one label.
    func isFor(_ host: ByteString) -> Bool {
        let host = host.lowercasedASCII
        return names.contains { name in
            guard name.utf8.starts(with: "*.".utf8) else { return name == host }
            guard let dot = host.utf8.firstIndex(of: UInt8(ascii: ".")), dot != host.utf8.startIndex else {
                return false
            }
            return host.utf8[dot...].elementsEqual(name.utf8.dropFirst())
        }
    }
}
