import CLMDB

/// How a named ``Database`` is opened.
///
/// The options of an existing database can't be changed.
public struct DatabaseOptions: OptionSet, Sendable {
    /// The options as bits.
    public let rawValue: UInt32

    /// Wraps bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Keys are `UInt64` and ordered as numbers.
    public static let integerKey = DatabaseOptions(rawValue: 1 << 0)
    /// The database is created when it doesn't exist; ignored in a read-only environment.
    public static let create = DatabaseOptions(rawValue: 1 << 1)

    var flags: UInt32 {
        var flags: UInt32 = 0
        if contains(.integerKey) { flags |= UInt32(MDB_INTEGERKEY) }
        if contains(.create) { flags |= UInt32(MDB_CREATE) }
        return flags
    }
}
