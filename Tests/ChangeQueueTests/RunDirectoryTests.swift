import Foundation
import Testing

@testable import ChangeQueue

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
