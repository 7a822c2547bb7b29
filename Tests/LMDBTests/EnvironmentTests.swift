import Glibc
import Synchronization
import TestSupport
import Testing

@testable import LMDB

@Suite("Environment")
struct EnvironmentTests {
    let scratch: ScratchDirectory

    init() { scratch = ScratchDirectory() }

    private func open(mapSizeBytes: Int = 1 << 20, options: EnvironmentOptions = []) throws -> Environment {
        try Environment(path: scratch.path, mapSizeBytes: mapSizeBytes, options: options)
    }

    @Test(
        "a second open of the same directory in one process is refused, also by another path, until the first is gone"
    )
    func refusesSecondOpen() throws {
        do {
            let environment = try open()
            #expect(throws: LMDBError(.alreadyOpen, operation: "open \(scratch.path)")) { try open() }
            let other = scratch.path + "/../" + (scratch.path.split(separator: "/").last ?? "")
            #expect(throws: LMDBError.self) { try Environment(path: other, mapSizeBytes: 1 << 20) }
            withExtendedLifetime(environment) {}
        }
        _ = try open()
    }

    @Test("a file that was removed or replaced is neither written nor read any more, and is again when it is put back")
    func noticesReplacement() throws {
        let environment = try open()
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        let (file, aside) = (scratch.path + "/data.mdb", scratch.path + "/aside")
        try environment.write { try $0.put(database, UInt64(1), [1]) }
        rename(file, aside)
        let replaced = LMDBError(.replaced, operation: "use \(scratch.path)")
        #expect(throws: replaced) { try environment.write { try $0.put(database, UInt64(2), [2]) } }
        // Reads look now and then.
        var thrown: (any Error)?
        while thrown == nil { do { try environment.read { _ in } } catch { thrown = error } }
        #expect(thrown as? LMDBError == replaced)
        close(creat(file, 0o600))
        #expect(throws: replaced) { try environment.read { _ in } }
        rename(aside, file)
        #expect(try environment.read { try $0.count(database) } == 1)
    }

    @Test("a write that throws leaves nothing behind, one that returns is seen by the next read")
    func commitsOrAborts() throws {
        struct Stop: Error {}
        let environment = try open()
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        #expect(throws: Stop.self) {
            try environment.write { transaction in
                try transaction.put(database, UInt64(1), [1])
                throw Stop()
            }
        }
        #expect(try environment.read { try $0.count(database) } == 0)
        try environment.write { try $0.put(database, UInt64(1), [1, 2, 3]) }
        #expect(try environment.read { try $0.get(database, UInt64(1)) { $0.copied } } == [1, 2, 3])
    }

    @Test("what was committed is there after the environment was opened again")
    func persists() throws {
        do {
            let environment = try open()
            let database = try environment.openDatabase("a", options: .create)
            try environment.write { try $0.put(database, "key", 7 as UInt64) }
        }
        let environment = try open(options: .readOnly)
        let database = try environment.openDatabase("a")
        #expect(try environment.read { try $0.get(database, "key") { $0.storedInteger } } == 7)
    }

    @Test("a full map is a typed error, and the transaction is undone")
    func mapFull() throws {
        let environment = try open(mapSizeBytes: 64 * 1024)
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        try environment.write { try $0.put(database, UInt64(0), [0]) }
        let page = [UInt8](repeating: 1, count: 4000)
        do {
            try environment.write { transaction in
                for key in 1...100 as ClosedRange<UInt64> { try transaction.put(database, key, page) }
            }
            Issue.record("100 pages fitted into a map of 16")
        } catch let error as LMDBError {
            #expect(error.code == .mapFull)
        }
        #expect(try environment.read { try $0.count(database) } == 1)
        try environment.grow(mapSizeBytes: 1 << 20)
        try environment.write { transaction in
            for key in 1...100 as ClosedRange<UInt64> { try transaction.put(database, key, page) }
        }
        #expect(try environment.read { try $0.count(database) } == 101)
    }

    /// Goal: this process follows a map that another one has grown. Method: the file's bytes are replaced under the
    /// open environment by those of a larger one, which is what a commit of another process looks like from here.
    @Test("a map that was grown elsewhere is followed")
    func followsGrownMap() throws {
        let larger = ScratchDirectory()
        do {
            let environment = try Environment(path: larger.path, mapSizeBytes: 8 << 20)
            let database = try environment.openDatabase("a", options: [.integerKey, .create])
            let page = [UInt8](repeating: 1, count: 4000)
            for round in 0..<4 as Range<UInt64> {
                try environment.write { transaction in
                    for key in 0..<100 as Range<UInt64> { try transaction.put(database, round * 100 + key, page) }
                }
            }
        }
        let environment = try open(mapSizeBytes: 64 * 1024)
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        try copyBytes(of: larger.path + "/data.mdb", into: scratch.path + "/data.mdb")
        #expect(try environment.read { try $0.count(database) } >= 300)
        #expect(try environment.statistics().mapSizeBytes == 8 << 20)
    }

    private func copyBytes(of source: String, into target: String) throws {
        let input = open(source, O_RDONLY)
        let output = open(target, O_WRONLY)
        defer {
            close(input)
            close(output)
        }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(input, &chunk, chunk.count)
            guard count > 0 else { return }
            #expect(write(output, chunk, count) == count)
        }
    }

    private func open(_ path: String, _ flags: Int32) -> Int32 { Glibc.open(path, flags) }

    @Test("used bytes fall when pages become free, the file's pages don't")
    func countsFreePages() throws {
        let environment = try open(mapSizeBytes: 8 << 20)
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        let page = [UInt8](repeating: 1, count: 4000)
        try environment.write { transaction in
            for key in 0..<200 as Range<UInt64> { try transaction.put(database, key, page) }
        }
        let full = try environment.statistics()
        try environment.write { try $0.clear(database) }
        let empty = try environment.statistics()
        #expect(full.usedBytes >= 200 * 4096)
        #expect(empty.usedBytes < 20 * 4096)
        #expect(empty.filePages >= full.filePages)
    }

    @Test("a foreign file, a missing directory and a missing database are typed errors")
    func typedErrors() throws {
        #expect(throws: LMDBError(.system(ENOENT), operation: "open /tmp/sluice-none/none")) {
            try Environment(path: "/tmp/sluice-none/none", mapSizeBytes: 1 << 20, options: .readOnly)
        }
        do {
            let environment = try open()
            do {
                _ = try environment.openDatabase("missing")
                Issue.record("a missing database was opened")
            } catch {
                #expect(error.code == .notFound)
            }
        }
        let descriptor = open(scratch.path + "/data.mdb", O_WRONLY)
        #expect(write(descriptor, [UInt8](repeating: 0x55, count: 4096), 4096) == 4096)
        close(descriptor)
        do {
            _ = try open()
            Issue.record("a foreign file was opened")
        } catch let error as LMDBError {
            #expect(error.code == .invalid)
        }
    }

    @Test("every return code has its own type and words of its own")
    func describesCodes() {
        for returnCode in -30799 ... -30780 as ClosedRange<Int32> {
            let error = LMDBError(returnCode: returnCode, operation: "test")
            if case .system = error.code { Issue.record("\(returnCode) is not typed") }
            #expect(error.description.hasPrefix("LMDB could not test: "))
        }
        #expect(LMDBError(returnCode: ENOSPC, operation: "test").code == .system(ENOSPC))
    }

    @Test("a read keeps its view while another thread commits, and the last transaction's number moves")
    func isolatesReads() throws {
        let environment = try open()
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        let before = environment.lastTransactionIdentifier
        let counts = try environment.read { transaction in
            let first = try transaction.count(database)
            try onAnotherThread { try environment.write { try $0.put(database, UInt64(1), [1]) } }
            return (first, try transaction.count(database))
        }
        #expect(counts == (0, 0))
        #expect(environment.lastTransactionIdentifier == before + 1)
        #expect(try environment.read { try $0.count(database) } == 1)
        #expect(try environment.checkReaders() == 0)
        try environment.sync()
    }

    @Test("the last transaction's number is never ahead of what a read sees, also while a commit is being synced")
    func namesOnlyVisibleCommits() async throws {
        let environment = try open()
        let database = try environment.openDatabase("a", options: [.integerKey, .create])
        let isDone = Mutex(false)
        async let writing: Void = {
            defer { isDone.withLock { $0 = true } }
            for number in 0..<UInt64(200) {
                try environment.write { try $0.put(database, number, [1]) }
                await Task.yield()
            }
        }()
        var ahead = 0
        while !isDone.withLock({ $0 }) {
            let named = environment.lastTransactionIdentifier
            if try environment.read({ $0.identifier }) < named { ahead += 1 }
            await Task.yield()
        }
        try await writing
        #expect(ahead == 0)
    }

    private func onAnotherThread(_ body: @escaping @Sendable () throws -> Void) throws {
        final class Box: Sendable {
            let body: @Sendable () throws -> Void
            let failure = Mutex<(any Error)?>(nil)
            init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
        }
        let box = Box(body)
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                do { try box.body() } catch { box.failure.withLock { $0 = error } }
                return nil
            },
            Unmanaged.passRetained(box).toOpaque()
        )
        pthread_join(thread, nil)
        if let failure = box.failure.withLock({ $0 }) { throw failure }
    }
}
