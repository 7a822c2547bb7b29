import FanOut
import HTTPTypes
import Hummingbird
import Metrics
import NIOCore
import SluiceCore

/// `GET /topics/{topic}/stream`: a topic's events as lines of JSON, in a response that doesn't end by itself.
struct TopicStreams: Sendable {
    private let services: WebSocketServices
    private let loops: LoopDirectory
    private let open: Meter

    init(services: WebSocketServices, loops: LoopDirectory, metrics: any MetricsFactory) {
        self.services = services
        self.loops = loops
        open = Meter(label: "sluice_topic_streams", dimensions: [], factory: metrics)
    }

    /// Subscribes, and answers once the interest is committed.
    /// - Throws: what a subscribe is refused with.
    func respond(
        topic: Topic,
        position: TopicPosition,
        grant: Grant,
        context: GatewayRequestContext
    ) async throws -> Response {
        guard !services.isDraining() else {
            throw APIError(.shuttingDown, "The gateway is draining: connect again, perhaps elsewhere.")
        }
        let (chunks, output) = AsyncThrowingStream.makeStream(of: TopicStreamSubscriber.Chunk.self)
        let eventLoop = context.channel.eventLoop
        let begun = eventLoop.makePromise(of: Membership.self)
        eventLoop.execute {
            begin(topic, position, grant, context, output, begun)
        }
        let membership = try await begun.futureResult.get()
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                for try await chunk in chunks {
                    do {
                        try await writer.write(chunk.bytes)
                    } catch {
                        chunk.left?.fail(error)
                        throw error
                    }
                    await membership.wrote(chunk)
                }
                try await writer.finish(nil)
                membership.leave()
            }
        )
    }

    /// Adds the subscriber, on the event loop of its connection.
    private func begin(
        _ topic: Topic,
        _ position: TopicPosition,
        _ grant: Grant,
        _ context: GatewayRequestContext,
        _ output: AsyncThrowingStream<TopicStreamSubscriber.Chunk, any Error>.Continuation,
        _ begun: EventLoopPromise<Membership>
    ) {
        let channel = context.channel
        guard let loop = loops[channel.eventLoop]?.subscribers else {
            return begun.fail(APIError(.internalError, "The connection's event loop has no subscribers."))
        }
        let subscriber = TopicStreamSubscriber(
            on: loop,
            grant: grant,
            limits: TopicStreamLimits(
                unwrittenBytes: services.configuration.unwrittenBytes,
                expiresAtNanoseconds: services.monotonic(grant.expiresAtWallNanoseconds),
                isDraining: services.isDraining
            ),
            now: services.now(),
            output: output,
            closeConnection: { channel.close(promise: nil) }
        )
        services.registry.connected(subscriber.id, grant.principal, context.client.description)
        services.accessLog.connected(subscriber.id, grant.principal, from: context.client)
        loop.add(subscriber)
        open.increment()
        let membership = Membership(subscriber, loop, channel.eventLoop) { [open, services, id = subscriber.id] in
            open.decrement()
            services.registry.disconnected(id)
        } now: {
            [services] in
            services.now()
        }
        let request = SubscribeRequest(
            entries: [SubscribeRequest.Entry(topic: topic, after: position.after)],
            epoch: position.epoch,
            wish: SubscriptionWish(format: LineEventFormat.id)
        )
        // Dropped with the reply, when the stream ends before it.
        let begun = Pledge(begun, broken: APIError(.shuttingDown, "The stream ended before it began: connect again."))
        let epoch = services.history.epochs.text
        loop.barrier.subscribe(request, for: subscriber) { [unowned subscriber, services] result in
            switch result {
            case .success(let topics):
                services.accessLog.subscribed(subscriber.id, topics, grant.principal, from: context.client)
                for topic in topics { subscriber.write(TopicStreamLine.subscribed(topic, epoch)) }
                begun.succeed(membership)
            case .failure(let failure):
                begun.fail(APIError(failure))
            }
        }
    }

    /// A subscriber's place on its loop, for the task of its response; whoever drops the last reference, such as a response whose body nobody reads,
    /// takes the subscriber out.
    private final class Membership: Sendable {
        private let parts: NIOLoopBound<(subscriber: TopicStreamSubscriber, loop: SubscriberLoop)>
        private let left: @Sendable () -> Void
        private let now: @Sendable () -> UInt64

        init(
            _ subscriber: TopicStreamSubscriber,
            _ loop: SubscriberLoop,
            _ eventLoop: any EventLoop,
            left: @escaping @Sendable () -> Void,
            now: @escaping @Sendable () -> UInt64
        ) {
            parts = NIOLoopBound((subscriber, loop), eventLoop: eventLoop)
            self.left = left
            self.now = now
        }

        /// The task has written a chunk; returns when the loop knows.
        func wrote(_ chunk: TopicStreamSubscriber.Chunk) async {
            let bytes = chunk.bytes.readableBytes
            try? await parts.eventLoop.submit { [parts, now] in parts.value.subscriber.wrote(bytes, now: now()) }.get()
            chunk.left?.succeed(())
        }

        /// Takes the subscriber out.
        func leave() {
            parts.eventLoop.execute { [parts, left] in
                if parts.value.loop.remove(parts.value.subscriber) { left() }
            }
        }

        deinit { leave() }
    }
}
