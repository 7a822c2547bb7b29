/// A consistent view of an ``Environment``; it lives as long as the closure of ``Environment/read(_:)``.
public struct ReadTransaction: ~Copyable, Transaction {
    /// LMDB's transaction.
    public let pointer: TransactionPointer
    /// Always false.
    public var isWriting: Bool { false }
}
