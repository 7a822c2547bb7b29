/// How far back a compressed message may point, which is what its reader has to keep: 2 to the power of the raw value, bytes.
///
/// Few, since what is compressed once is shared by all who asked for the same.
package enum DeflateWindow: Int, CaseIterable, Sendable {
    /// 512 bytes, for the smallest of devices.
    case small = 9
    /// 4 KiB.
    case medium = 12
    /// 32 KiB, the most there is.
    case full = 15

    /// Its place among all.
    package var index: Int {
        switch self {
        case .small: 0
        case .medium: 1
        case .full: 2
        }
    }

    /// The largest that a reader has room for; nil when none is small enough.
    package init?(atMost bits: Int) {
        guard let window = DeflateWindow.allCases.last(where: { $0.rawValue <= bits }) else { return nil }
        self = window
    }

    /// Memory for the compressor's tables as zlib counts it.
    ///
    /// Small windows slide often, and with each slide all of a large table is gone through.
    var memoryLevel: Int32 { self == .full ? 8 : 5 }
}

/// Why there is no compressor.
package enum DeflateError: Error, Equatable {
    /// zlib has none for us; the code is zlib's own.
    case unavailable(Int32)
}

/// Why a message can't be inflated.
package enum InflateError: Error, Equatable {
    /// It isn't deflated data, or not all of it.
    case broken
    /// It has more bytes than it may.
    case tooLarge
    /// zlib has no memory.
    case unavailable
}
