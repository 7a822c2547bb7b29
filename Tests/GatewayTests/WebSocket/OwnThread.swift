import Foundation

/// A thread of its own for a test that turns an embedded loop while tasks run: such a loop stays on one thread, and turning it on one of
/// the few threads of the tasks would keep them from running.
enum OwnThread {
    static func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
