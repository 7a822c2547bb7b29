/// What can be a key: `UInt64` in databases opened with ``DatabaseOptions/integerKey``; bytes and strings, 1 to 511
/// bytes, in the others.
public protocol DatabaseKey {
    /// Lends the key's bytes.
    func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

extension UInt64: DatabaseKey {
    /// The number in the machine's byte order, as LMDB wants integer keys.
    @inlinable
    public func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(of: self, body)
    }
}

extension [UInt8]: DatabaseKey {
    /// The bytes.
    @inlinable
    public func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(body)
    }
}

extension UnsafeRawBufferPointer: DatabaseKey {
    /// The bytes.
    @inlinable
    public func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(self)
    }
}

extension String: DatabaseKey {
    /// The string's UTF-8.
    @inlinable
    public func withKeyBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        var copy = self
        return try copy.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}
