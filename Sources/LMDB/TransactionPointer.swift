/// LMDB's transaction, for this module only: it keeps the raw pointer out of the public interface.
public struct TransactionPointer {
    let raw: OpaquePointer
}
