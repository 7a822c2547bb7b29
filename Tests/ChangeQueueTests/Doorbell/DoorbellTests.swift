import Foundation
import PosixSupport
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Doorbell")
struct DoorbellTests {
    let scratch = LogScratch()
    let run: RunDirectory

    init() throws { run = try RunDirectory(data: scratch.path) }

    /// Whether whoever sleeps on the bell would wake up: a ring is there as soon as `ring()` has returned.
    private func isReadable(_ bell: Doorbell) -> Bool {
        guard let descriptor = try? bell.makeDescriptor() else { return false }
        defer { close(descriptor) }
        var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&readable, 1, 0) == 1
    }

    @Test("a ring ends the wait of every bell, and is heard once")
    func rings() throws {
        let ringer = DoorbellRinger(run)
        let bells = [try Doorbell(run), try Doorbell(run)]
        for _ in 0..<3 { ringer.ring() }
        for bell in bells {
            #expect(isReadable(bell))
            #expect(bell.silence())
            #expect(!isReadable(bell))
            #expect(!bell.silence())
        }
    }

    @Test("a bell that comes later is found, also in the same clock tick")
    func findsNewBells() throws {
        let ringer = DoorbellRinger(run)
        ringer.ring()
        let first = try Doorbell(run)
        ringer.ring()
        #expect(isReadable(first))
        let second = try Doorbell(run)
        ringer.ring()
        #expect(isReadable(second))
    }

    @Test("a bell whose run directory was removed is made again at its path, and is heard")
    func restores() throws {
        let (ringer, bell) = (DoorbellRinger(run), try Doorbell(run))
        let isRestoredTooEarly = try bell.restore()
        #expect(!isRestoredTooEarly)
        try FileManager.default.removeItem(atPath: run.path)
        ringer.ring()
        #expect(!isReadable(bell))
        let isRestored = try bell.restore()
        #expect(isRestored)
        ringer.ring()
        #expect(isReadable(bell))
    }

    @Test("a directory that couldn't be read is read again")
    func readsAgain() {
        var scan = DirectoryScan()
        let now: UInt64 = 10_000_000_000
        let (asked, again) = (
            scan.isNeeded(changedAtNanoseconds: 1, nowNanoseconds: now),
            scan.isNeeded(changedAtNanoseconds: 1, nowNanoseconds: now)
        )
        #expect(asked && !again)
        scan.failed()
        let afterFailure = scan.isNeeded(changedAtNanoseconds: 1, nowNanoseconds: now)
        #expect(afterFailure)
    }

    @Test("the socket of a dead process is removed, a full one is skipped")
    func removesDeadSockets() throws {
        let ringer = DoorbellRinger(run)
        let path: String
        do {
            let bell = try Doorbell(run)
            path = bell.path
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        let descriptor = socket(AF_UNIX, Doorbell.datagram, 0)
        let address = try #require(UnixAddress(path: path))
        #expect(address.withPointer { bind(descriptor, $0, $1) } == 0)
        close(descriptor)
        let bell = try Doorbell(run)
        for _ in 0..<2_000 { ringer.ring() }
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(isReadable(bell))
    }

    @Test("a commit rings")
    func commitRings() async throws {
        let bell = try Doorbell(run)
        let writer = LogWriter(log: try scratch.open(), doorbell: DoorbellRinger(run))
        _ = try await writer.append([draft("a")])
        #expect(isReadable(bell))
    }

    @Test("a directory is read again when it changed, and once more when it was young at the last reading")
    func rescans() {
        var scan = DirectoryScan()
        expectEqual(scan.isNeeded(changedAtNanoseconds: 1_000_000_000, nowNanoseconds: 1_010_000_000), true)
        expectEqual(scan.isNeeded(changedAtNanoseconds: 1_000_000_000, nowNanoseconds: 1_020_000_000), true)
        expectEqual(scan.isNeeded(changedAtNanoseconds: 1_000_000_000, nowNanoseconds: 1_060_000_000), true)
        expectEqual(scan.isNeeded(changedAtNanoseconds: 1_000_000_000, nowNanoseconds: 1_070_000_000), false)
        expectEqual(scan.isNeeded(changedAtNanoseconds: 2_000_000_000, nowNanoseconds: 9_000_000_000), true)
        expectEqual(scan.isNeeded(changedAtNanoseconds: 2_000_000_000, nowNanoseconds: 9_000_000_000), false)
    }
}
