import SluiceCore
import Synchronization

/// Has a running gateway read its certificates at once, without waiting for the look at the files: what an operator's SIGHUP asks for.
public final class CertificateReload: Sendable {
    private let port = Mutex<TLSPort?>(nil)

    init() {}

    /// Reads them; nothing happens to open connections, nor on a port without TLS.
    public func now() {
        port.withLock { $0 }?.look(
            atWallSeconds: Int(StageClock.wallNanoseconds() / 1_000_000_000),
            evenUnchanged: true
        )
    }

    /// The gateway's port, from now on.
    func serve(_ port: TLSPort?) { self.port.withLock { $0 = port } }
}
