extension RawSpan {
    /// The number that an integer key or a value written with ``WriteTransaction/put(_:_:_:options:)-(_,_,UInt64,_)``
    /// holds; nil when it isn't eight bytes long.
    public var storedInteger: UInt64? {
        byteCount == 8 ? unsafeLoadUnaligned(as: UInt64.self) : nil
    }

    /// A copy of the bytes, which may leave the transaction.
    public var copied: [UInt8] { withUnsafeBytes { Array($0) } }
}
