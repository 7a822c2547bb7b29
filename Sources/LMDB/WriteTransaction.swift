import CLMDB

/// The write transaction of an ``Environment``; it lives as long as the closure of ``Environment/write(_:)``, on that
/// closure's thread.
package struct WriteTransaction: ~Copyable, Transaction {
    /// LMDB's transaction.
    package let pointer: TransactionPointer
    /// Always true.
    package var isWriting: Bool { true }

    /// Stores `value` under `key`.
    /// - Throws: `.keyExists` as the options say, `.mapFull`, `.badValueSize` for a key that LMDB doesn't take.
    package func put(
        _ database: Database,
        _ key: some DatabaseKey,
        _ value: UnsafeRawBufferPointer,
        options: PutOptions = []
    ) throws {
        try key.withKeyBytes { keyBytes in
            var keyValue = MDB_val(keyBytes)
            var stored = MDB_val(value)
            try LMDBError.check(
                mdb_put(pointer.raw, database.identifier, &keyValue, &stored, options.flags),
                "put into '\(database.name)'"
            )
        }
    }

    /// Stores `value` under `key`.
    /// - Throws: as ``put(_:_:_:options:)-(_,_,UnsafeRawBufferPointer,_)``.
    package func put(_ database: Database, _ key: some DatabaseKey, _ value: [UInt8], options: PutOptions = []) throws {
        try value.withUnsafeBytes { try put(database, key, $0, options: options) }
    }

    /// Stores a number under `key`, in the machine's byte order; `RawSpan.storedInteger` reads it back.
    /// - Throws: as ``put(_:_:_:options:)-(_,_,UnsafeRawBufferPointer,_)``.
    package func put(_ database: Database, _ key: some DatabaseKey, _ value: UInt64, options: PutOptions = []) throws {
        try withUnsafeBytes(of: value) { try put(database, key, $0, options: options) }
    }

    /// Makes room for a value of `byteCount` bytes under `key` and lets `fill` write it where it will stay: no copy.
    ///
    /// All bytes must be written; they are undefined before.
    /// - Throws: as ``put(_:_:_:options:)-(_,_,UnsafeRawBufferPointer,_)``, and whatever `fill` throws.
    package func reserve<Result>(
        _ database: Database,
        _ key: some DatabaseKey,
        byteCount: Int,
        options: PutOptions = [],
        _ fill: (inout MutableRawSpan) throws -> Result
    ) throws -> Result {
        try key.withKeyBytes { keyBytes in
            var keyValue = MDB_val(keyBytes)
            var room = MDB_val(mv_size: byteCount, mv_data: nil)
            try LMDBError.check(
                mdb_put(pointer.raw, database.identifier, &keyValue, &room, options.flags | UInt32(MDB_RESERVE)),
                "reserve \(byteCount) bytes in '\(database.name)'"
            )
            let buffer = UnsafeMutableRawBufferPointer(start: room.mv_data, count: room.mv_size)
            var span = buffer.mutableBytes
            return try fill(&span)
        }
    }

    /// Removes `key`.
    /// - Returns: whether it was there.
    /// - Throws: ``LMDBError``.
    @discardableResult
    package func delete(_ database: Database, _ key: some DatabaseKey) throws -> Bool {
        try key.withKeyBytes { keyBytes in
            var keyValue = MDB_val(keyBytes)
            let returnCode = mdb_del(pointer.raw, database.identifier, &keyValue, nil)
            if returnCode == MDB_NOTFOUND { return false }
            try LMDBError.check(returnCode, "delete from '\(database.name)'")
            return true
        }
    }

    /// Removes every key of `database`.
    /// - Throws: ``LMDBError``.
    package func clear(_ database: Database) throws(LMDBError) {
        try LMDBError.check(mdb_drop(pointer.raw, database.identifier, 0), "clear '\(database.name)'")
    }
}
