import CLMDB

/// What can be done in a ``ReadTransaction`` and in a ``WriteTransaction`` alike.
///
/// Values are lent to closures as `RawSpan`: they are the mapped file itself, copied nowhere, and the compiler keeps
/// them from leaving the closure.
package protocol Transaction: ~Copyable {
    /// LMDB's transaction.
    var pointer: TransactionPointer { get }
    /// Whether it is the write transaction.
    var isWriting: Bool { get }
}

extension Transaction where Self: ~Copyable {
    /// Lends the value of `key` to `body`; nil when the key isn't there.
    /// - Throws: ``LMDBError``, and whatever `body` throws.
    package func get<Result>(
        _ database: Database,
        _ key: some DatabaseKey,
        _ body: (RawSpan) throws -> Result
    ) throws -> Result? {
        try key.withKeyBytes { keyBytes in
            var keyValue = MDB_val(keyBytes)
            var value = MDB_val()
            let returnCode = mdb_get(pointer.raw, database.identifier, &keyValue, &value)
            if returnCode == MDB_NOTFOUND { return nil }
            try LMDBError.check(returnCode, "get from '\(database.name)'")
            return try body(UnsafeRawBufferPointer(value).bytes)
        }
    }

    /// Whether `key` is there.
    /// - Throws: ``LMDBError``.
    package func contains(_ database: Database, _ key: some DatabaseKey) throws -> Bool {
        try get(database, key) { _ in true } ?? false
    }

    /// Runs `body` with a cursor over `database`.
    /// - Throws: ``LMDBError``, and whatever `body` throws.
    package func withCursor<Result>(_ database: Database, _ body: (borrowing Cursor) throws -> Result) throws -> Result
    {
        var opened: OpaquePointer?
        try LMDBError.check(
            mdb_cursor_open(pointer.raw, database.identifier, &opened),
            "open a cursor on '\(database.name)'"
        )
        guard let opened else { throw LMDBError(.badTransaction, operation: "open a cursor on '\(database.name)'") }
        defer { mdb_cursor_close(opened) }
        return try body(Cursor(handle: opened, database: database))
    }

    /// The first key and its value.
    /// - Throws: ``LMDBError``, and whatever `body` throws.
    package func first<Result>(_ database: Database, _ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try withCursor(database) { try $0.first(body) }
    }

    /// The last key and its value.
    /// - Throws: ``LMDBError``, and whatever `body` throws.
    package func last<Result>(_ database: Database, _ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try withCursor(database) { try $0.last(body) }
    }

    /// Sizes of a database.
    /// - Throws: ``LMDBError``.
    package func statistics(_ database: Database) throws(LMDBError) -> DatabaseStatistics {
        var stat = MDB_stat()
        try LMDBError.check(
            mdb_stat(pointer.raw, database.identifier, &stat),
            "read the statistics of '\(database.name)'"
        )
        return DatabaseStatistics(
            entries: stat.ms_entries,
            pages: stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages,
            depth: Int(stat.ms_depth),
            pageSizeBytes: Int(stat.ms_psize)
        )
    }

    /// How many keys a database has.
    /// - Throws: ``LMDBError``.
    package func count(_ database: Database) throws(LMDBError) -> Int { try statistics(database).entries }

    /// LMDB's number of this transaction: a write has the number of the last commit plus one, a read that of the last
    /// commit.
    package var identifier: UInt64 { UInt64(mdb_txn_id(pointer.raw)) }

    /// Sizes of LMDB's own list of free pages.
    /// - Throws: ``LMDBError``.
    package func freeListStatistics() throws(LMDBError) -> DatabaseStatistics {
        try statistics(Database(name: "free list", identifier: 0))
    }

    /// Pages on the free list, which LMDB keeps in its database number 0: each value is a count and then so many page
    /// numbers.
    func freePages() throws -> Int {
        try withCursor(Database(name: "free list", identifier: 0)) { cursor in
            var pages = 0
            // swift-format-ignore: ReplaceForEachWithForLoop
            try cursor.forEach { _, value in
                if value.byteCount >= MemoryLayout<UInt>.size {
                    pages += Int(clamping: value.unsafeLoadUnaligned(as: UInt.self))
                }
                return true
            }
            return pages
        }
    }
}

extension MDB_val {
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    init(_ value: MDB_val) { self.init(start: value.mv_data, count: value.mv_size) }
}

/// LMDB's transaction, for this module only: it keeps the raw pointer out of the package interface.
package struct TransactionPointer {
    let raw: OpaquePointer
}

/// A consistent view of an ``Environment``; it lives as long as the closure of ``Environment/read(_:)``.
package struct ReadTransaction: ~Copyable, Transaction {
    /// LMDB's transaction.
    package let pointer: TransactionPointer
    /// Always false.
    package var isWriting: Bool { false }
}
