import SluiceCore

/// Notices an end that has stopped answering though its connection stands.
struct LinkSilence {
    private let limitNanoseconds: UInt64
    private var lastHeardNanoseconds: UInt64

    init(limitNanoseconds: UInt64, nowNanoseconds: UInt64) {
        self.limitNanoseconds = limitNanoseconds
        lastHeardNanoseconds = nowNanoseconds
    }

    /// A frame came.
    mutating func heard(nowNanoseconds: UInt64) { lastHeardNanoseconds = max(lastHeardNanoseconds, nowNanoseconds) }

    /// The error to close with, once nothing was heard for too long.
    func error(nowNanoseconds: UInt64) -> LinkError? {
        guard nowNanoseconds >= lastHeardNanoseconds, nowNanoseconds - lastHeardNanoseconds >= limitNanoseconds else {
            return nil
        }
        return LinkError(
            .silentPeer,
            "The other end of the link has sent nothing for \((nowNanoseconds - lastHeardNanoseconds) / 1_000_000) ms."
        )
    }
}
