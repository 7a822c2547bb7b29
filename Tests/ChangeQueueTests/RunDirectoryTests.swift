import Foundation
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("RunDirectory")
struct RunDirectoryTests {
    @Test("it is in the data directory, with mode 0700, when the sockets' paths fit")
    func direct() throws {
        let scratch = LogScratch()
        let run = try RunDirectory(data: scratch.path)
        #expect(run.path == scratch.path + "/run")
        let attributes = try FileManager.default.attributesOfItem(atPath: run.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o700)
    }

    @Test("it is a short one in /tmp when they don't, the same for each process")
    func short() throws {
        let scratch = LogScratch()
        let data = scratch.path + "/" + String(repeating: "long/", count: 20)
        let run = try RunDirectory(data: data)
        defer { rmdir(run.path) }
        #expect(run.path.hasPrefix("/tmp/sluice-\(geteuid())-"))
        #expect(try RunDirectory(data: data + "/").path == run.path)
        _ = try Doorbell(run)
    }

    @Test("somebody who has made its name first can't stop a start: another one is taken and written down")
    func taken() throws {
        let scratch = LogScratch()
        let data = scratch.path + "/" + String(repeating: "long/", count: 20)
        // What another user would put there, as far as this user can.
        let guessable = try RunDirectory(data: data).path
        #expect(FileManager.default.createFile(atPath: guessable, contents: Data("theirs".utf8)))
        defer { try? FileManager.default.removeItem(atPath: guessable) }
        let run = try RunDirectory(data: data)
        #expect(run.path != guessable && run.path.hasPrefix("/tmp/sluice-\(geteuid())-"))
        #expect(try RunDirectory(data: data).path == run.path)
        #expect(FileManager.default.contents(atPath: guessable) == Data("theirs".utf8))
        let bell = try Doorbell(run)
        #expect(bell.path.hasPrefix(run.path))
    }

    @Test("a directory that others may enter isn't taken, and what is written down leads nowhere else")
    func open() throws {
        let scratch = LogScratch()
        let data = scratch.path + "/" + String(repeating: "long/", count: 20)
        let first = try RunDirectory(data: data).path
        try FileManager.default.createDirectory(atPath: first, withIntermediateDirectories: false)
        defer { rmdir(first) }
        chmod(first, 0o755)
        #expect(try RunDirectory(data: data).path != first)
        for text in [scratch.path, "/tmp/sluice-\(geteuid())-/../x", "", String(repeating: "x", count: 5_000)] {
            try Data(text.utf8).write(to: URL(filePath: data + "run-directory.\(geteuid())"))
            #expect(try RunDirectory(data: data).path.hasPrefix("/tmp/sluice-\(geteuid())-"))
        }
    }

    @Test("the last one that leaves removes the short one, and nobody sooner")
    func removed() throws {
        let scratch = LogScratch()
        let data = scratch.path + "/" + String(repeating: "long/", count: 20)
        var first: RunDirectory? = try RunDirectory(data: data)
        let path = try #require(first?.path)
        var second: NameLock? = try NameLock("g.gateway", in: RunDirectory(data: data))
        #expect(try NameLock("g.gateway", in: RunDirectory(data: data)) == nil)
        #expect(second != nil && first != nil)
        first = nil
        #expect(FileManager.default.fileExists(atPath: path + "/g.gateway"))
        second = nil
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a long socket name is replaced by its hash, its extension kept, so that it can always be bound")
    func longNames() throws {
        let scratch = LogScratch()
        let run = try RunDirectory(data: scratch.path)
        #expect(run.path(forSocket: "a.sock") == run.path + "/a.sock")
        let long = run.path(forSocket: String(repeating: "g", count: 200) + ".sock")
        #expect(long.hasSuffix(".sock"))
        #expect(long.utf8.count < 108)
        #expect(long != run.path(forSocket: String(repeating: "h", count: 200) + ".sock"))
    }
}
