import CLMDB

/// How a value is put.
public struct PutOptions: OptionSet, Sendable {
    /// The options as bits.
    public let rawValue: UInt32

    /// Wraps bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The key is larger than every other one: no search, and pages are filled.
    ///
    /// `.keyExists` when it isn't.
    public static let append = PutOptions(rawValue: 1 << 0)
    /// `.keyExists` when the key is there; otherwise its value is replaced.
    public static let noOverwrite = PutOptions(rawValue: 1 << 1)

    var flags: UInt32 {
        var flags: UInt32 = 0
        if contains(.append) { flags |= UInt32(MDB_APPEND) }
        if contains(.noOverwrite) { flags |= UInt32(MDB_NOOVERWRITE) }
        return flags
    }
}
