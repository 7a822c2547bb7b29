import TestSupport
import Testing

@testable import LMDB

@Suite("Transaction")
struct TransactionTests {
    let scratch: ScratchDirectory
    let environment: Environment
    let numbers: Database
    let names: Database

    init() throws {
        scratch = ScratchDirectory()
        environment = try Environment(path: scratch.path, mapSizeBytes: 4 << 20, options: .noSync)
        numbers = try environment.openDatabase("numbers", options: [.integerKey, .create])
        names = try environment.openDatabase("names", options: .create)
    }

    @Test("integer keys are ordered as numbers, byte keys as bytes")
    func ordersKeys() throws {
        try environment.write { transaction in
            for key in [256, 1, 65_536, 2] as [UInt64] { try transaction.put(numbers, key, key) }
            for key in ["b", "ab", "a"] { try transaction.put(names, key, Array(key.utf8)) }
        }
        try environment.read { transaction in
            var keys: [UInt64] = []
            try transaction.withCursor(numbers) { cursor in
                // swift-format-ignore: ReplaceForEachWithForLoop
                try cursor.forEach { key, _ in
                    keys.append(key.storedInteger ?? 0)
                    return true
                }
            }
            #expect(keys == [1, 2, 256, 65_536])
            #expect(try transaction.first(names) { key, _ in key.copied } == Array("a".utf8))
            #expect(try transaction.last(names) { key, _ in key.copied } == Array("b".utf8))
        }
    }

    @Test("a cursor seeks, steps both ways and stops at the ends")
    func movesCursor() throws {
        try environment.write { transaction in
            for key in [10, 20, 30] as [UInt64] { try transaction.put(numbers, key, key) }
        }
        try environment.read { transaction in
            try transaction.withCursor(numbers) { cursor in
                let key: (RawSpan, RawSpan) -> UInt64? = { key, _ in key.storedInteger }
                #expect(try cursor.seek(atOrAfter: 15 as UInt64, key) == 20)
                #expect(try cursor.current(key) == 20)
                #expect(try cursor.next(key) == 30)
                #expect(try cursor.next(key) == nil)
                #expect(try cursor.previous(key) == 20)
                #expect(try cursor.seek(to: 15 as UInt64, key) == nil)
                #expect(try cursor.seek(to: 10 as UInt64, key) == 10)
                #expect(try cursor.previous(key) == nil)
                #expect(try cursor.seek(atOrAfter: 31 as UInt64, key) == nil)
                var seen: [UInt64] = []
                try cursor.forEach(from: 11 as UInt64) { key, _ in
                    seen.append(key.storedInteger ?? 0)
                    return true
                }
                #expect(seen == [20, 30])
            }
        }
    }

    @Test("a cursor deletes while it walks")
    func deletesWithCursor() throws {
        try environment.write { transaction in
            for key in 1...10 as ClosedRange<UInt64> { try transaction.put(numbers, key, key) }
            try transaction.withCursor(numbers) { cursor in
                var key = try cursor.first { key, _ in key.storedInteger ?? 0 }
                while let found = key, found <= 4 {
                    try cursor.delete()
                    key = try cursor.next { key, _ in key.storedInteger ?? 0 }
                }
            }
        }
        #expect(try environment.read { try $0.first(numbers) { key, _ in key.storedInteger } } == 5)
        #expect(try environment.read { try $0.statistics(numbers).entries } == 6)
    }

    @Test(
        "noOverwrite and append refuse with keyExists, reserve writes in place, delete says whether the key was there"
    )
    func puts() throws {
        try environment.write { transaction in
            try transaction.put(numbers, 5 as UInt64, [5])
            for options in [PutOptions.noOverwrite, .append] {
                do {
                    try transaction.put(numbers, 5 as UInt64, [6], options: options)
                    Issue.record("\(options) replaced a value")
                } catch let error as LMDBError {
                    #expect(error.code == .keyExists)
                }
            }
            try transaction.put(numbers, 5 as UInt64, [7])
            try transaction.reserve(numbers, 6 as UInt64, byteCount: 3, options: .append) { room in
                room.withUnsafeMutableBytes { $0.copyBytes(from: [1, 2, 3]) }
            }
            #expect(try transaction.get(numbers, 5 as UInt64) { $0.copied } == [7])
            #expect(try transaction.get(numbers, 6 as UInt64) { $0.copied } == [1, 2, 3])
            #expect(try transaction.contains(numbers, 6 as UInt64))
            #expect(try transaction.delete(numbers, 6 as UInt64))
            #expect(try !transaction.delete(numbers, 6 as UInt64))
            try transaction.clear(numbers)
            #expect(try transaction.count(numbers) == 0)
        }
    }

    @Test("a key that LMDB doesn't take is badValueSize")
    func refusesKeys() throws {
        for key in ["", String(repeating: "k", count: 512)] {
            do {
                try environment.write { try $0.put(names, key, [1]) }
                Issue.record("a key of \(key.utf8.count) bytes was stored")
            } catch let error as LMDBError {
                #expect(error.code == .badValueSize)
            }
        }
    }
}
