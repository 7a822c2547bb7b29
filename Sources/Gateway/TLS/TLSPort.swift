import Logging
import Metrics
import NIOCore
import NIOSSL
import PosixSupport
import SluiceCore
import Synchronization

/// What a port with TLS hands to whoever connects: made from its files, and again when they change.
///
/// Connections that are open keep what they began with.
final class TLSPort: Sendable {
    private struct State {
        var context: NIOSSLContext
        var identities: [ServerIdentity]
        var stamps: [FileStamp?]
        /// When the end of a certificate was last warned of, seconds since 1970.
        var warnedAtWallSeconds = 0
    }

    private let files: TLSFiles
    // A lock: looked at once a connection, at its start, and once a second.
    private let state: Mutex<State>
    private let measures: TLSMeasures
    private let logger: Logger

    /// A certificate that ends so soon is warned of, seconds: two weeks.
    static let warningSeconds = 14 * 86_400
    /// How often that is said, seconds: once a day.
    private static let warningIntervalSeconds = 86_400

    /// Reads the files.
    /// - Throws: ``GatewayError``.
    init(_ files: TLSFiles, metrics: any MetricsFactory, logger: Logger) throws(GatewayError) {
        try files.check()
        self.files = files
        self.logger = logger
        measures = TLSMeasures(factory: metrics)
        let stamps = TLSPort.stamps(files)
        let (context, identities) = try TLSPort.load(files)
        state = Mutex(State(context: context, identities: identities, stamps: stamps))
    }

    /// The handler that speaks TLS for a new connection.
    func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: state.withLock { $0.context }) }

    /// A handshake has failed.
    func failed(_ reason: TLSMeasures.Failure) { measures.failed(reason) }

    /// Looks after the files until it is cancelled.
    func watch() async {
        while !Task.isCancelled {
            look(atWallSeconds: Int(StageClock.wallNanoseconds() / 1_000_000_000))
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Takes up what has changed, and warns of what ends.
    ///
    /// `evenUnchanged`: reads the files whether they have changed or not, for an operator who asks for it.
    func look(atWallSeconds now: Int, evenUnchanged: Bool = false) {
        let stamps = TLSPort.stamps(files)
        if evenUnchanged || state.withLock({ $0.stamps != stamps }) { reload(stamps) }
        let (identities, warns) = state.withLock { state in
            let isDue = now >= state.warnedAtWallSeconds + TLSPort.warningIntervalSeconds
            let warns = isDue && state.identities.contains { $0.endsAtWallSeconds < now + TLSPort.warningSeconds }
            if warns { state.warnedAtWallSeconds = now }
            return (state.identities, warns)
        }
        for identity in identities {
            let left = identity.endsAtWallSeconds - now
            measures.certificate(identity.file, secondsLeft: left)
            guard warns, left < TLSPort.warningSeconds else { continue }
            logger.warning(
                left > 0 ? "a certificate ends soon: renew it" : "a certificate has ended: clients refuse it",
                metadata: ["file": "\(identity.file)", "secondsLeft": "\(left)"]
            )
        }
    }

    private func reload(_ stamps: [FileStamp?]) {
        do throws(GatewayError) {
            let (context, identities) = try TLSPort.load(files)
            state.withLock { $0 = State(context: context, identities: identities, stamps: stamps) }
            logger.notice(
                "certificates were read",
                metadata: ["files": "\(files.certificates.joined(separator: ", "))"]
            )
        } catch {
            // A certificate is often there before its key; the next look finds both.
            state.withLock { $0.stamps = stamps }
            measures.reloadFailed()
            logger.error(
                "changed certificates can't be used, the old ones stay",
                metadata: ["error": "\(error.message)"]
            )
        }
    }

    private static func stamps(_ files: TLSFiles) -> [FileStamp?] {
        (files.certificates + files.keys + (files.clientAuthorities.map { [$0] } ?? [])).map(FileStamp.init(path:))
    }

    private static func load(_ files: TLSFiles) throws(GatewayError) -> (NIOSSLContext, [ServerIdentity]) {
        var identities: [ServerIdentity] = []
        for (certificate, key) in zip(files.certificates, files.keys) {
            identities.append(try ServerIdentity(certificate: certificate, key: key))
        }
        guard let first = identities.first else { throw GatewayError(.configuration, "There is no certificate.") }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: first.chain.map { .certificate($0) },
            privateKey: .privateKey(first.key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = TLSPort.cipherSuites
        configuration.applicationProtocols = ["h2", "http/1.1"]
        if let authorities = files.clientAuthorities {
            configuration.trustRoots = .file(authorities)
            configuration.certificateVerification =
                files.requiresClientCertificate ? .noHostnameVerification : .optionalVerification
        }
        if identities.count > 1 { configuration.sslContextCallback = choose(identities) }
        do {
            return (try NIOSSLContext(configuration: configuration), identities)
        } catch {
            throw GatewayError(.configuration, "TLS can't be set up with these files: \(error)")
        }
    }

    /// Of TLS 1.2 those with forward secrecy and authenticated encryption (RFC 9325, section 4.2); those of 1.3 are all such.
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// Chooses by the host that the client names (RFC 6066, section 3).
    private static func choose(_ identities: [ServerIdentity]) -> NIOSSLContextCallback {
        { asked, promise in
            guard let host = asked.serverHostname.map({ ByteString($0) }),
                let identity = identities.first(where: { $0.isFor(host) })
            else { return promise.succeed(.noChanges) }
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = identity.chain.map { .certificate($0) }
            override.privateKey = .privateKey(identity.key)
            promise.succeed(override)
        }
    }
}
