import SluiceCore

/// How far a client's messages may be inflated beyond what it has sent: a kilobyte on the line may stand for a megabyte to read, and that is meant
/// for the odd message, not for all of them.
///
/// A value of one connection; time is passed in, nanoseconds.
struct InflateAllowance: Equatable, Sendable {
    /// So many bytes for each that was sent cost nothing; ordinary JSON has five to ten.
    static let freeRatio = 64
    /// What is used up comes back at this rate.
    static let bytesPerSecond = 4 * 1024 * 1024

    private let mostBytes: Int
    private var leftBytes: Int
    private var lookedAt: UInt64

    /// Enough for two of the largest messages at once.
    init(maximumMessageBytes: Int, now: UInt64) {
        mostBytes = 2 * maximumMessageBytes
        leftBytes = mostBytes
        lookedAt = now
    }

    /// How many bytes a message may have that was sent as so many.
    mutating func bytes(forSent sentBytes: Int, now: UInt64) -> Int {
        let elapsed = Double(now > lookedAt ? now - lookedAt : 0) / 1_000_000_000
        lookedAt = now
        let back = min(Double(mostBytes), elapsed * Double(InflateAllowance.bytesPerSecond))
        leftBytes = min(mostBytes, leftBytes + Int(back))
        return leftBytes + InflateAllowance.freeRatio * sentBytes
    }

    /// A message was inflated.
    mutating func take(_ inflatedBytes: Int, forSent sentBytes: Int) {
        leftBytes -= max(0, min(leftBytes, inflatedBytes - InflateAllowance.freeRatio * sentBytes))
    }
}

/// Why a compressed message isn't read.
enum InflateRefusal: String, CaseIterable, Sendable {
    /// It isn't deflated data.
    case broken
    /// It is larger than a message may be.
    case tooLarge = "too_large"
    /// The connection's messages are inflated further than they may, for now.
    case allowance
    /// There is no memory.
    case unavailable

    /// How the connection is closed.
    var code: CloseCode {
        switch self {
        case .broken: .protocolError
        case .tooLarge: .messageTooBig
        case .allowance: .tryAgainLater
        case .unavailable: .internalError
        }
    }
}
