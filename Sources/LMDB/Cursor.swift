import CLMDB

/// A position in a ``Database``.
///
/// Each move lends the entry's key and value to a closure and returns its result, or nil when there is no entry there.
///
/// All moves throw ``LMDBError`` and whatever the closure throws.
package struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private let database: Database

    init(handle: OpaquePointer, database: Database) {
        self.handle = handle
        self.database = database
    }

    /// Moves to the first entry.
    package func first<Result>(_ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try move(MDB_FIRST, body)
    }

    /// Moves to the last entry.
    package func last<Result>(_ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try move(MDB_LAST, body)
    }

    /// Moves to the entry after this one; to the first when the cursor is new.
    package func next<Result>(_ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try move(MDB_NEXT, body)
    }

    /// Moves to the entry before this one; to the last when the cursor is new.
    package func previous<Result>(_ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try move(MDB_PREV, body)
    }

    /// The entry at the cursor.
    package func current<Result>(_ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try move(MDB_GET_CURRENT, body)
    }

    /// Moves to the first entry whose key isn't less than `key`.
    package func seek<Result>(
        atOrAfter key: some DatabaseKey,
        _ body: (RawSpan, RawSpan) throws -> Result
    ) throws -> Result? {
        try key.withKeyBytes { try move(MDB_SET_RANGE, from: $0, body) }
    }

    /// Moves to the entry of `key`.
    package func seek<Result>(to key: some DatabaseKey, _ body: (RawSpan, RawSpan) throws -> Result) throws -> Result? {
        try key.withKeyBytes { try move(MDB_SET_KEY, from: $0, body) }
    }

    /// Visits the entries from the first on, in order, until `body` returns false.
    package func forEach(_ body: (RawSpan, RawSpan) throws -> Bool) throws {
        var goesOn = try first(body)
        while goesOn == true { goesOn = try next(body) }
    }

    /// Visits the entries from the first whose key isn't less than `key`, in order, until `body` returns false.
    package func forEach(from key: some DatabaseKey, _ body: (RawSpan, RawSpan) throws -> Bool) throws {
        var goesOn = try seek(atOrAfter: key, body)
        while goesOn == true { goesOn = try next(body) }
    }

    /// Removes the entry at the cursor; ``next(_:)`` then gives the one after it.
    ///
    /// Only in a write transaction.
    package func delete() throws {
        try LMDBError.check(mdb_cursor_del(handle, 0), "delete from '\(database.name)'")
    }

    private func move<Result>(
        _ operation: MDB_cursor_op,
        from start: UnsafeRawBufferPointer? = nil,
        _ body: (RawSpan, RawSpan) throws -> Result
    ) throws -> Result? {
        var key = start.map { MDB_val($0) } ?? MDB_val()
        var value = MDB_val()
        let returnCode = mdb_cursor_get(handle, &key, &value, operation)
        if returnCode == MDB_NOTFOUND { return nil }
        try LMDBError.check(returnCode, "move a cursor in '\(database.name)'")
        return try body(UnsafeRawBufferPointer(key).bytes, UnsafeRawBufferPointer(value).bytes)
    }
}
