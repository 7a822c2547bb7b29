public import ChangeQueue
import Synchronization

/// A client that keeps what it was told, call by call.
public final class RecordingClient: AppendClient {
    private let calls = Mutex<[[AppendOutcome]]>([])
    private let waiting = Mutex<(count: Int, continuation: CheckedContinuation<Void, Never>)?>(nil)

    /// Has been told nothing.
    public init() {}

    /// The outcomes of each call.
    public var received: [[AppendOutcome]] { calls.withLock { $0 } }

    /// Keeps outcomes.
    public func completed(_ outcomes: [AppendOutcome]) {
        calls.withLock { $0.append(outcomes) }
        resumeIfReached()
    }

    /// Returns when so many outcomes have come.
    public func outcomes(_ count: Int) async -> [AppendOutcome] {
        await withCheckedContinuation { continuation in
            waiting.withLock { $0 = (count, continuation) }
            resumeIfReached()
        }
        return received.flatMap { $0 }
    }

    private func resumeIfReached() {
        let count = calls.withLock { $0.reduce(0) { $0 + $1.count } }
        let continuation = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard let entry = waiting, entry.count <= count else { return nil }
            waiting = nil
            return entry.continuation
        }
        continuation?.resume()
    }
}
