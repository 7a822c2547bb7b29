import SluiceCore

/// The deliveries that wait for their receipt, and whether one more may join them.
///
/// The same rule on both ends.
struct LinkCreditWindow {
    /// What is allowed.
    let credit: LinkCredit
    /// Bytes of the frames that wait.
    private(set) var bytes = 0
    private var frameBytes: [UInt64: Int] = [:]

    init(credit: LinkCredit) { self.credit = credit }

    /// Whether nothing waits.
    var isEmpty: Bool { frameBytes.isEmpty }

    /// How many deliveries wait.
    var count: Int { frameBytes.count }

    /// The deliveries that wait, by number.
    var ids: [UInt64] { frameBytes.keys.sorted() }

    /// Whether a frame of this length may be sent.
    ///
    /// One delivery is always allowed, however long, or it could never go.
    func allows(byteCount: Int) -> Bool {
        if frameBytes.isEmpty { return true }
        return frameBytes.count < credit.deliveries && bytes <= credit.bytes && byteCount <= credit.bytes - bytes
    }

    /// Whether a delivery of this number waits.
    func contains(_ id: UInt64) -> Bool { frameBytes[id] != nil }

    /// Notes a delivery that was sent or has come.
    mutating func insert(_ id: UInt64, byteCount: Int) {
        bytes += byteCount - (frameBytes.updateValue(byteCount, forKey: id) ?? 0)
    }

    /// Notes a receipt.
    /// - Returns: false when no delivery of this number waits.
    mutating func remove(_ id: UInt64) -> Bool {
        guard let count = frameBytes.removeValue(forKey: id) else { return false }
        bytes -= count
        return true
    }
}

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
