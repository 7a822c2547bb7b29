import CPlainLMDB
import Foundation
import Histogram

/// LMDB's synchronous commit of one record, nothing else: what a durable publish can't go below.
enum CommitRun {
    static func measure(_ options: Options) throws -> Percentiles? {
        let directory = options.directory + "/commit-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var environment: OpaquePointer?
        try check(mdb_env_create(&environment))
        defer { mdb_env_close(environment) }
        try check(mdb_env_set_mapsize(environment, 1 << 30))
        try check(mdb_env_open(environment, directory, UInt32(MDB_NOTLS), 0o640))
        var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
        let end = Marker.now() + UInt64(options.seconds * 1e9)
        var number: UInt64 = 0
        var record = [UInt8](repeating: 0x78, count: options.bytes + 100)
        while Marker.now() < end {
            let start = Marker.now()
            var transaction: OpaquePointer?
            try check(mdb_txn_begin(environment, nil, 0, &transaction))
            var database: MDB_dbi = 0
            try check(mdb_dbi_open(transaction, nil, UInt32(MDB_INTEGERKEY), &database))
            try withUnsafeMutableBytes(of: &number) { key in
                try record.withUnsafeMutableBytes { value in
                    var key = MDB_val(mv_size: key.count, mv_data: key.baseAddress)
                    var value = MDB_val(mv_size: value.count, mv_data: value.baseAddress)
                    try check(mdb_put(transaction, database, &key, &value, UInt32(MDB_APPEND)))
                }
            }
            try check(mdb_txn_commit(transaction))
            histogram.record(Marker.now() - start)
            number += 1
        }
        return Percentiles(histogram)
    }

    private static func check(_ code: Int32) throws {
        guard code == 0 else { throw LoadError.storage(code) }
    }
}
