import PosixSupport
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("AppendInbox")
struct AppendInboxTests {
    private func submission(bytes: Int) -> AppendSubmission {
        AppendSubmission(
            client: RecordingClient(),
            requests: [(token: 1, request: .records([draft("a")]))],
            bytes: bytes
        )
    }

    @Test("bytes beyond the limit are refused at once, until others were released")
    func bounded() {
        let inbox = AppendInbox(maximumBytes: 100)
        #expect(inbox.add(submission(bytes: 60)) == nil)
        #expect(inbox.add(submission(bytes: 41))?.code == .overloaded)
        #expect(inbox.add(submission(bytes: 40)) == nil)
        #expect(inbox.removeAll(untilNanoseconds: 0).submissions.count == 2)
        #expect(inbox.isEmpty)
        #expect(inbox.add(submission(bytes: 1))?.code == .overloaded)
        inbox.release(100)
        #expect(inbox.add(submission(bytes: 100)) == nil)
    }

    @Test(
        "with a window the first one waits for others, until a quarter of the bytes is there, the window is over, or the inbox is stopped"
    )
    func gathers() throws {
        let hour: UInt64 = 3_600_000_000_000
        for ending in ["full", "over", "stopped"] {
            let inbox = AppendInbox(maximumBytes: 100, windowNanoseconds: ending == "over" ? 1 : hour)
            #expect(inbox.add(submission(bytes: 10)) == nil)
            let adding = try PosixThread(name: "adding") { [submission = submission(bytes: 15)] in
                if ending == "full" { _ = inbox.add(submission) }
                if ending == "stopped" { inbox.stop() }
            }
            let taken = inbox.removeAll(untilNanoseconds: StageClock.nowNanoseconds() + hour)
            #expect(taken.submissions.count == (ending == "full" ? 2 : 1), "\(ending)")
            adding.join()
        }
    }

    @Test("a stopped inbox gives what it has and takes nothing more")
    func stops() {
        let inbox = AppendInbox(maximumBytes: 100)
        #expect(inbox.add(submission(bytes: 1)) == nil)
        inbox.stop()
        #expect(inbox.add(submission(bytes: 1))?.code == .shuttingDown)
        let taken = inbox.removeAll(untilNanoseconds: 0)
        #expect(taken.submissions.count == 1)
        #expect(taken.isStopped)
        #expect(inbox.removeAll(untilNanoseconds: .max).submissions.isEmpty)
    }

    @Test("a wait without anything ends at its time")
    func timesOut() {
        let inbox = AppendInbox(maximumBytes: 100)
        let taken = inbox.removeAll(untilNanoseconds: StageClock.nowNanoseconds() + 1_000_000)
        #expect(taken.submissions.isEmpty)
        #expect(!taken.isStopped)
    }
}
