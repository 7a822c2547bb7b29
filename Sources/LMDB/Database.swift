import CLMDB

/// A named database of an ``Environment``: the handle that transactions take.
///
/// It is valid as long as its environment, and only there.
package struct Database: Sendable {
    /// Its name.
    package let name: String
    let identifier: UInt32
}

/// What can be a key: `UInt64` in databases opened with ``DatabaseOptions/integerKey``; bytes and strings, 1 to 511
/// bytes, in the others.
package protocol DatabaseKey {
    /// Lends the key's bytes.
    func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

extension UInt64: DatabaseKey {
    /// The number in the machine's byte order, as LMDB wants integer keys.
    @inlinable
    package func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(of: self, body)
    }
}

extension [UInt8]: DatabaseKey {
    /// The bytes.
    @inlinable
    package func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(body)
    }
}

extension UnsafeRawBufferPointer: DatabaseKey {
    /// The bytes.
    @inlinable
    package func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(self)
    }
}

extension String: DatabaseKey {
    /// The string's UTF-8.
    @inlinable
    package func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        var copy = self
        return try copy.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}

/// How a named ``Database`` is opened.
///
/// The options of an existing database can't be changed.
package struct DatabaseOptions: OptionSet, Sendable {
    /// The options as bits.
    package let rawValue: UInt32

    /// Wraps bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Keys are `UInt64` and ordered as numbers.
    package static let integerKey = DatabaseOptions(rawValue: 1 << 0)
    /// The database is created when it doesn't exist; ignored in a read-only environment.
    package static let create = DatabaseOptions(rawValue: 1 << 1)

    var flags: UInt32 {
        var flags: UInt32 = 0
        if contains(.integerKey) { flags |= UInt32(MDB_INTEGERKEY) }
        if contains(.create) { flags |= UInt32(MDB_CREATE) }
        return flags
    }
}

/// How a value is put.
package struct PutOptions: OptionSet, Sendable {
    /// The options as bits.
    package let rawValue: UInt32

    /// Wraps bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The key is larger than every other one: no search, and pages are filled.
    ///
    /// `.keyExists` when it isn't.
    package static let append = PutOptions(rawValue: 1 << 0)
    /// `.keyExists` when the key is there; otherwise its value is replaced.
    package static let noOverwrite = PutOptions(rawValue: 1 << 1)

    var flags: UInt32 {
        var flags: UInt32 = 0
        if contains(.append) { flags |= UInt32(MDB_APPEND) }
        if contains(.noOverwrite) { flags |= UInt32(MDB_NOOVERWRITE) }
        return flags
    }
}

/// Sizes of one ``Database``.
package struct DatabaseStatistics: Hashable, Sendable {
    /// Keys in it.
    package let entries: Int
    /// Pages that it takes, of every kind.
    package let pages: Int
    /// Levels of its tree.
    package let depth: Int
    /// Bytes of one page.
    package let pageSizeBytes: Int

    /// Bytes of its pages.
    package var bytes: Int { pages * pageSizeBytes }
}

extension RawSpan {
    /// The number that an integer key or a value written with ``WriteTransaction/put(_:_:_:options:)-(_,_,UInt64,_)``
    /// holds; nil when it isn't eight bytes long.
    package var storedInteger: UInt64? {
        byteCount == 8 ? unsafeLoadUnaligned(as: UInt64.self) : nil
    }

    /// A copy of the bytes, which may leave the transaction.
    package var copied: [UInt8] { withUnsafeBytes { Array($0) } }
}
