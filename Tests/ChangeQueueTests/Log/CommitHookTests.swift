import SluiceCore
import Synchronization
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("CommitHook")
struct CommitHookTests {
    @Test("The thousandth call is no deeper on the stack than the first")
    func callsStayFlat() {
        let hook = CommitHook()
        let positions = Mutex<[UInt]>([])
        hook.body = { _, _, _ in
            var local: UInt8 = 0
            let position = withUnsafeMutablePointer(to: &local) { UInt(bitPattern: $0) }
            positions.withLock { $0.append(position) }
        }
        for number in 1...1_000 { hook.call(SequenceNumber(UInt64(number)), 1, 0) }
        let seen = positions.withLock { $0 }
        #expect(seen.count == 1_000)
        #expect((seen.max() ?? 0) - (seen.min() ?? 0) < 4_096)
    }

    @Test("A hook that was taken away isn't called")
    func canBeTakenAway() {
        let hook = CommitHook()
        let calls = Mutex(0)
        hook.body = { _, _, _ in calls.withLock { $0 += 1 } }
        hook.call(SequenceNumber(1), 1, 0)
        hook.body = nil
        hook.call(SequenceNumber(2), 1, 0)
        #expect(calls.withLock { $0 } == 1)
    }
}
