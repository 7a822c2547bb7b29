import FanOut
import NIOCore

/// A subscriber's place on its loop, for the task of its response; whoever drops the last reference, such as a response whose body nobody reads,
/// takes the subscriber out.
final class SubscriberMembership<Member: Subscriber & SendableMetatype>: Sendable {
    private let parts: NIOLoopBound<(subscriber: Member, loop: SubscriberLoop)>
    private let left: @Sendable () -> Void

    /// `left`: called when the subscriber has been taken out.
    init(_ subscriber: Member, _ loop: SubscriberLoop, left: @escaping @Sendable () -> Void) {
        parts = NIOLoopBound((subscriber, loop), eventLoop: loop.eventLoop)
        self.left = left
    }

    /// Does something with the subscriber on its loop; returns when it is done.
    func perform(_ body: @escaping @Sendable (Member) -> Void) async {
        try? await parts.eventLoop.submit { [parts] in body(parts.value.subscriber) }.get()
    }

    /// Takes the subscriber out.
    func leave() {
        parts.eventLoop.execute { [parts, left] in
            if parts.value.loop.remove(parts.value.subscriber) { left() }
        }
    }

    deinit { leave() }
}
