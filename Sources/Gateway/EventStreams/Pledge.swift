import NIOCore

/// A promise that is kept or failed, whoever drops it: a chunk that nobody writes, a reply that nobody gives.
final class Pledge<Value: Sendable>: Sendable {
    private let promise: EventLoopPromise<Value>
    private let broken: any Error

    /// Fails with `broken` when it is dropped.
    init(_ promise: EventLoopPromise<Value>, broken: any Error) {
        self.promise = promise
        self.broken = broken
    }

    /// Keeps it.
    func succeed(_ value: Value) { promise.succeed(value) }

    /// Fails it.
    func fail(_ error: any Error) { promise.fail(error) }

    // Of a promise that was kept nothing comes of it.
    deinit { promise.fail(broken) }
}
