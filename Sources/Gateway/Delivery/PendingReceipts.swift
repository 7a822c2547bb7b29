import FanOut
import Synchronization

/// Gathers what several event loops did with the deliveries of one read.
///
/// The last one answers.
final class PendingReceipts: Sendable {
    private struct State {
        var merged: LoopTallies
        var loopsLeft: Int
    }

    // One lock a loop and read: only gateways with several event loops have one at all.
    private let state: Mutex<State>

    init(deliveries: Int, loops: Int) {
        let empty = LoopTallies(tallies: Array(repeating: DeliveryTally(), count: deliveries), writtenAtNanoseconds: 0)
        state = Mutex(State(merged: empty, loopsLeft: loops))
    }

    /// Adds a loop's part.
    /// - Returns: everything, for the last loop; nil for the others.
    func add(_ part: LoopTallies) -> LoopTallies? {
        state.withLock { state in
            for index in state.merged.tallies.indices { state.merged.tallies[index].add(part.tallies[index]) }
            state.merged.writtenAtNanoseconds = max(state.merged.writtenAtNanoseconds, part.writtenAtNanoseconds)
            state.loopsLeft -= 1
            return state.loopsLeft == 0 ? state.merged : nil
        }
    }
}
