import Foundation
import PosixSupport
import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("OwnerLock and the files beside the state")
struct OwnerLockTests {
    let scratch: ConsumerScratch

    init() throws { scratch = try ConsumerScratch() }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.run.path).sorted()
    }

    @Test("an owner lives as long as its lock; afterwards, and when it never existed, it is dead")
    func lives() throws {
        var lock: OwnerLock? = try OwnerLock(scratch.run)
        let owner = try #require(lock?.owner)
        #expect(OwnerLock.isAlive(owner, scratch.run))
        #expect(try files() == [owner.fileName])
        lock = nil
        #expect(!OwnerLock.isAlive(owner, scratch.run))
        #expect(!OwnerLock.isAlive(OwnerID.random(), scratch.run))
        #expect(try files().isEmpty)
    }

    @Test("a sweep removes what killed owners left, and nothing else")
    func sweeps() throws {
        let lock = try OwnerLock(scratch.run)
        let killed = OwnerID.random().fileName
        for name in [killed, "other.sock"] { try Data().write(to: URL(fileURLWithPath: scratch.run.path(for: name))) }
        OwnerLock.sweep(scratch.run)
        #expect(try files() == [lock.owner.fileName, "other.sock"].sorted())
        #expect(OwnerLock.isAlive(lock.owner, scratch.run))
    }

    @Test("a lock file's name fits the run directory as it is")
    func fits() {
        #expect(OwnerID.random().fileName.utf8.count <= RunDirectory.maximumNameBytes)
    }

    @Test(
        "a file is replaced as a whole, and what isn't a mark or a checkpoint is none",
        arguments: ["", "{", "[]", #"{"bootID":7}"#, #"{"logID":-1,"retiredThrough":3}"#]
    )
    func ignoresDamagedFiles(text: String) throws {
        try Directory.make(scratch.consumers)
        let mark = scratch.consumers + "/" + BootMark.fileName
        try DurableFile.replace(mark, with: Array("something longer than the text that follows".utf8))
        try DurableFile.replace(mark, with: Array(text.utf8))
        #expect(DurableFile.read(mark) == Array(text.utf8))
        #expect(BootMark.read(in: scratch.consumers) == nil)
        #expect(DurableCheckpoint.read(mark) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.consumers) == [BootMark.fileName])
    }

    @Test("marks and checkpoints are read as they were written")
    func readsBack() throws {
        try Directory.make(scratch.consumers)
        let mark = BootMark(bootID: "a\"b", isClean: true)
        try mark.write(in: scratch.consumers)
        #expect(BootMark.read(in: scratch.consumers) == mark)
        let checkpoint = DurableCheckpoint(logID: .max, retiredThrough: .max)
        let path = DurableCheckpoint.path(.sns, in: scratch.consumers)
        try checkpoint.write(path)
        #expect(DurableCheckpoint.read(path) == checkpoint)
    }

    @Test("a state is trusted in the boot that wrote it, or when it was closed cleanly")
    func trusts() {
        #expect(BootMark(bootID: "a", isClean: false).isTrusted(bootID: "a"))
        #expect(!BootMark(bootID: "a", isClean: false).isTrusted(bootID: "b"))
        #expect(BootMark(bootID: "a", isClean: true).isTrusted(bootID: "b"))
        #expect(!BootMark(bootID: "", isClean: false).isTrusted(bootID: ""))
        #expect(!BootMark.currentBootID().isEmpty)
    }
}
