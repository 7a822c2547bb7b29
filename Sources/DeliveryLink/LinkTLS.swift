import Logging
import NIOCore
import NIOSSL
import PosixSupport
import SluiceCore
import Synchronization

/// What one end of a link over TLS has: the gateway its certificate, the publisher the authorities that it believes.
///
/// The files are looked at again with each connection, and read when they have changed. Both ends are of the same version, so that they speak
/// TLS 1.3 only. The link secret is proven on top: a certificate says which gateway it is, the secret that both belong together.
package final class LinkTLS: Sendable {
    private struct State {
        /// Nil until it is needed.
        var context: NIOSSLContext?
        var stamps: [FileStamp?]
    }

    private let files: [String]
    private let make: @Sendable () throws(LinkError) -> NIOSSLContext
    // A lock: looked at once a connection, at its start.
    private let state: Mutex<State>

    private init(files: [String], make: @escaping @Sendable () throws(LinkError) -> NIOSSLContext) throws(LinkError) {
        self.files = files
        self.make = make
        let stamps = files.map(FileStamp.init(path:))
        state = Mutex(State(context: files.isEmpty ? nil : try make(), stamps: stamps))
    }

    /// The gateway's end: PEM files with its certificate, those that lead to its authority, and its key.
    /// - Throws: ``LinkError`` with code `invalidTLSFiles`.
    package convenience init(certificate: String, key: String) throws(LinkError) {
        try self.init(files: [certificate, key]) { () throws(LinkError) in
            try LinkTLS.context(of: "The link's certificate in \(certificate.printable(limit: 200))") {
                let chain = try NIOSSLCertificate.fromPEMFile(certificate).map(NIOSSLCertificateSource.certificate)
                return .makeServerConfiguration(
                    certificateChain: chain,
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
                )
            }
        }
    }

    /// The publisher's end: a PEM file with the authorities of gateways' certificates; nil believes those of the system.
    /// - Throws: ``LinkError`` with code `invalidTLSFiles`.
    package convenience init(authorities: String?) throws(LinkError) {
        try self.init(files: authorities.map { [$0] } ?? []) { () throws(LinkError) in
            let what = authorities.map { "The link's authorities in \($0.printable(limit: 200))" }
            return try LinkTLS.context(of: what ?? "The system's authorities") {
                var configuration = TLSConfiguration.makeClientConfiguration()
                if let authorities {
                    configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorities))
                }
                return configuration
            }
        }
    }

    private static func context(
        of what: String,
        _ configuration: () throws -> TLSConfiguration
    ) throws(LinkError) -> NIOSSLContext {
        do {
            var configuration = try configuration()
            configuration.minimumTLSVersion = .tlsv13
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw LinkError(
                .invalidTLSFiles,
                "\(what) can't be used: \(error). They must be PEM files that this user may read, and go together."
            )
        }
    }

    /// What a new connection begins with; where changed files can't be used, what the old ones held.
    private func context(_ logger: Logger) throws(LinkError) -> NIOSSLContext {
        let stamps = files.map(FileStamp.init(path:))
        let known = state.withLock { state in state.stamps == stamps ? state.context : nil }
        if let known { return known }
        do throws(LinkError) {
            let context = try make()
            state.withLock { $0 = State(context: context, stamps: stamps) }
            return context
        } catch {
            let old = state.withLock { state in
                state.stamps = stamps
                return state.context
            }
            guard let old else { throw error }
            logger.error(
                "the link's changed TLS files can't be used, the old ones stay",
                metadata: ["error": "\(error)"]
            )
            return old
        }
    }

    /// The handler of a connection that a publisher has begun.
    func serverHandler(_ logger: Logger) throws(LinkError) -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: try context(logger))
    }

    /// The handler of a connection to a gateway, whose certificate must be for that host, a name or an address.
    func clientHandler(host: String, _ logger: Logger) throws(LinkError) -> NIOSSLClientHandler {
        // An address isn't sent as a name (RFC 6066, section 3): the connection's own is compared then.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let context = try context(logger)
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
        } catch {
            throw LinkError(.tlsFailed, "'\(host.printable(limit: 80))' is no name for TLS: \(error).")
        }
    }

    /// What is told about a connection on which TLS failed; nil for another error.
    static func failure(_ error: any Error, of peer: String) -> LinkError? {
        switch error {
        case NIOSSLError.handshakeFailed, NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate,
            is NIOSSLExtraError:
            LinkError(
                .tlsFailed,
                """
                TLS with \(peer) failed: \(error). Check that both ends speak it (tls://), that the publisher's --link-ca is the authority of the \
                gateway's --link-certificate, and that this names the link's host.
                """
            )
        default: nil
        }
    }
}
