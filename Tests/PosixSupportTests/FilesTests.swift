import Foundation
import PosixSupport
import Synchronization
import TestSupport
import Testing

@Suite("Files, locks and threads of the system")
struct FilesTests {
    private let scratch = ScratchDirectory()

    @Test("an exclusive lock keeps the others out until it is let go; shared ones get on")
    func locks() throws {
        let path = scratch.path("lock")
        #expect(FileLock.ifFree(path) { Issue.record("there is no file yet") })
        var own: FileLock? = try FileLock(path, isExclusive: true, waits: false)
        #expect(own?.isStill(at: path) == true)
        #expect(try FileLock(path, isExclusive: false, waits: false) == nil)
        #expect(!FileLock.ifFree(path) {})
        own = nil
        let shared = [
            try FileLock(path, isExclusive: false, waits: false), try FileLock(path, isExclusive: false, waits: true),
        ]
        #expect(shared.allSatisfy { $0 != nil })
        #expect(try FileLock(path, isExclusive: true, waits: false) == nil)
        var isFree = false
        #expect(FileLock.ifFree(path) { isFree = true })
        #expect(isFree)
        DurableFile.remove(path)
        #expect(shared[0]?.isStill(at: path) == false)
    }

    @Test("a lock that can't be made says where and why")
    func lockFails() {
        #expect { try FileLock(scratch.path("none/lock"), isExclusive: true, waits: false) } throws: { error in
            let error = error as? SystemError
            return error?.number == ENOENT
                && error?.description.contains("/none/lock can't be used: No such file") == true
        }
    }

    @Test("a file is replaced as a whole, and another one stands at its path then")
    func replaces() throws {
        let path = scratch.path("file")
        #expect(DurableFile.read(path) == nil && FileIdentity(path: path) == nil && FileStamp(path: path) == nil)
        try DurableFile.replace(path, with: Array("longer than the next".utf8))
        let before = try #require(FileStamp(path: path))
        #expect(before.isRegular && !before.isWorldReadable && before.byteCount == 20)
        try DurableFile.replace(path, with: Array("next".utf8))
        #expect(DurableFile.read(path) == Array("next".utf8))
        #expect(try #require(FileStamp(path: path)) != before)
        var names: [String] = []
        #expect(Directory.forEachEntry(of: scratch.path) { names.append($0) })
        #expect(names.sorted() == [".", "..", "file"])
        #expect(throws: SystemError.self) { try DurableFile.replace(scratch.path("none/file"), with: []) }
    }

    @Test("a small file is read whole, a larger one isn't")
    func readsWhole() throws {
        let path = scratch.path("file")
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(try SmallFile.read(path, maximumBytes: 200_000) == bytes)
        #expect(try SmallFile.read(path, maximumBytes: 199_999) == nil)
        #expect(throws: SystemError.self) { try SmallFile.read(scratch.path, maximumBytes: 1) }
    }

    @Test("directories are made with their parents, and found from the root")
    func directories() throws {
        try Directory.make(scratch.path("a/b/c"))
        try Directory.make(scratch.path("a/b/c"))
        #expect(Directory.isOwn(scratch.path("a/b/c")))
        #expect(Directory.absolute("/x") == "/x" && Directory.absolute("x").hasSuffix("/x"))
        #expect(Directory.resolved(scratch.path("a/../a/b/./c")) == Directory.resolved(scratch.path("a/b/c")))
        #expect(Directory.resolved(scratch.path("none")) == nil)
        try scratch.write("", to: "file")
        #expect { try Directory.make(scratch.path("file/d")) } throws: { ($0 as? SystemError)?.number == ENOTDIR }
        #expect(!Directory.isOwn("/") || ThisProcess.userID == 0)
    }

    @Test("a socket's path fits or doesn't")
    func addresses() {
        #expect(UnixAddress.maximumPathBytes == 107)
        #expect(UnixAddress(path: String(repeating: "x", count: 107)) != nil)
        #expect(UnixAddress(path: String(repeating: "x", count: 108)) == nil)
    }

    @Test("the hash is FNV-1a's: stored shards and the names of run directories depend on it")
    func hash() {
        #expect(FNV1a.hash("".utf8) == 0xCBF2_9CE4_8422_2325)
        #expect(FNV1a.hash("a".utf8) == 0xAF63_DC4C_8601_EC8C)
        #expect(FNV1a.hash("foobar".utf8) == 0x8594_4171_F739_67E8)
    }

    @Test("a thread runs, wakes who waits for it, and ends")
    func threads() throws {
        let condition = ThreadCondition()
        let isDone = Atomic(false)
        let thread = try PosixThread(name: "sluice-test-thread") {
            condition.lock()
            isDone.store(true, ordering: .relaxed)
            condition.unlock()
            condition.signal()
        }
        #expect(!thread.isCurrent)
        condition.lock()
        while !isDone.load(ordering: .relaxed) { _ = condition.wait(untilNanoseconds: .max / 4) }
        #expect(condition.wait(untilNanoseconds: 1))
        condition.unlock()
        thread.join()
    }
}
