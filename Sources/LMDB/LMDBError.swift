import CLMDB
import Glibc

/// An error of LMDB or of the system underneath it, with the operation that failed.
package struct LMDBError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Every code that LMDB can return (lmdb.h, "Return Codes"), and what the operating system says.
    package enum Code: Hashable, Sendable {
        /// `MDB_KEYEXIST`: the key is already there, or an append was out of order.
        case keyExists
        /// `MDB_NOTFOUND`: no such key, or no such database.
        case notFound
        /// `MDB_PAGE_NOTFOUND`: a page that must be there isn't; the file is damaged.
        case pageNotFound
        /// `MDB_CORRUPTED`: a page is of the wrong type; the file is damaged.
        case corrupted
        /// `MDB_PANIC`: an earlier error left the environment unusable.
        case panic
        /// `MDB_VERSION_MISMATCH`: the file was written by an incompatible LMDB.
        case versionMismatch
        /// `MDB_INVALID`: the file isn't an LMDB file.
        case invalid
        /// `MDB_MAP_FULL`: the map is full; nothing of the transaction was stored.
        case mapFull
        /// `MDB_DBS_FULL`: more named databases than `maximumDatabases`.
        case databasesFull
        /// `MDB_READERS_FULL`: more concurrent readers than `maximumReaders`.
        case readersFull
        /// `MDB_TLS_FULL`: too many thread-local keys.
        case threadLocalStorageFull
        /// `MDB_TXN_FULL`: the transaction has too many dirty pages.
        case transactionFull
        /// `MDB_CURSOR_FULL`: the tree is deeper than a cursor can follow; the file is damaged.
        case cursorFull
        /// `MDB_PAGE_FULL`: a page has not enough space; an internal error of LMDB.
        case pageFull
        /// `MDB_MAP_RESIZED`: another process grew the map and transactions in progress kept this one from following.
        case mapResized
        /// `MDB_INCOMPATIBLE`: the operation doesn't fit the database's options.
        case incompatible
        /// `MDB_BAD_RSLOT`: a reader slot was used twice.
        case badReaderSlot
        /// `MDB_BAD_TXN`: the transaction can't go on, since an operation in it failed.
        case badTransaction
        /// `MDB_BAD_VALSIZE`: the key is empty or longer than 511 bytes, or the value is too large.
        case badValueSize
        /// `MDB_BAD_DBI`: the database handle isn't valid.
        case badDatabase
        /// The path is already open in this process: LMDB's locks would be lost by opening it twice.
        case alreadyOpen
        /// The path leads to another file than the one that is open, or to none: what is written now, nobody would find.
        case replaced
        /// An `errno` of the operating system.
        case system(Int32)
    }

    /// What went wrong.
    package let code: Code
    /// The call that failed and its object, such as `"open /var/lib/sluice/log"`.
    package let operation: String

    /// Makes an error; for tests and for callers that check a precondition themselves.
    package init(_ code: Code, operation: String) {
        self.code = code
        self.operation = operation
    }

    /// Types a return code of LMDB that isn't success.
    init(returnCode: Int32, operation: String) {
        self.init(LMDBError.code(for: returnCode), operation: operation)
    }

    /// The operation and LMDB's or the system's own words.
    package var description: String { "LMDB could not \(operation): \(reason)" }

    /// Throws when `returnCode` isn't success.
    @inline(__always)
    static func check(_ returnCode: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
        guard returnCode != 0 else { return }
        throw LMDBError(returnCode: returnCode, operation: operation())
    }

    private var reason: String {
        switch code {
        case .alreadyOpen: "it is already open in this process"
        case .replaced:
            "its file was removed or replaced while it is open; put the old one back, or restart this process to use what is there now"
        case .system(let number): String(cString: strerror(number))
        default: LMDBError.returnCodes.first { $0.1 == code }.map { String(cString: mdb_strerror($0.0)) } ?? "\(code)"
        }
    }

    private static func code(for returnCode: Int32) -> Code {
        returnCodes.first { $0.0 == returnCode }?.1 ?? .system(returnCode)
    }

    private static let returnCodes: [(Int32, Code)] = [
        (MDB_KEYEXIST, .keyExists),
        (MDB_NOTFOUND, .notFound),
        (MDB_PAGE_NOTFOUND, .pageNotFound),
        (MDB_CORRUPTED, .corrupted),
        (MDB_PANIC, .panic),
        (MDB_VERSION_MISMATCH, .versionMismatch),
        (MDB_INVALID, .invalid),
        (MDB_MAP_FULL, .mapFull),
        (MDB_DBS_FULL, .databasesFull),
        (MDB_READERS_FULL, .readersFull),
        (MDB_TLS_FULL, .threadLocalStorageFull),
        (MDB_TXN_FULL, .transactionFull),
        (MDB_CURSOR_FULL, .cursorFull),
        (MDB_PAGE_FULL, .pageFull),
        (MDB_MAP_RESIZED, .mapResized),
        (MDB_INCOMPATIBLE, .incompatible),
        (MDB_BAD_RSLOT, .badReaderSlot),
        (MDB_BAD_TXN, .badTransaction),
        (MDB_BAD_VALSIZE, .badValueSize),
        (MDB_BAD_DBI, .badDatabase),
    ]
}
