import FanOut
import HTTPTypes
import Hummingbird
import Metrics
import NIOCore
import ServerSentEvents
import SluiceCore

/// Events in responses that don't end by themselves: `GET /topics/{topic}/stream` as lines of JSON, `GET /sse` as server-sent events.
struct EventStreams: Sendable {
    private let services: WebSocketServices
    private let loops: LoopDirectory
    private let open: [Kind: Meter]

    /// What a response is made of.
    enum Kind: String, CaseIterable {
        /// Lines of JSON.
        case lines
        /// Server-sent events.
        case sse

        fileprivate var contentType: String {
            switch self {
            case .lines: "application/x-ndjson"
            case .sse: "text/event-stream"
            }
        }
    }

    /// What a client asks for.
    struct Asked: Sendable {
        let kind: Kind
        let entries: [SubscribeRequest.Entry]
        let epoch: EpochClaim?
        /// Whether the client takes a compressed response.
        var acceptsGzip = false
    }

    init(services: WebSocketServices, loops: LoopDirectory, metrics: any MetricsFactory) {
        self.services = services
        self.loops = loops
        var open: [Kind: Meter] = [:]
        for kind in Kind.allCases {
            open[kind] = Meter(label: "sluice_event_streams", dimensions: [("kind", kind.rawValue)], factory: metrics)
        }
        self.open = open
    }

    /// The epoch of the log, as clients are told it.
    var epoch: String { services.history.epochs.text }

    /// Subscribes, and answers once the interest is committed.
    /// - Throws: what a subscribe is refused with.
    func respond(
        _ asked: Asked,
        grant: Grant,
        context: GatewayRequestContext
    ) async throws -> Response {
        guard !services.isDraining() else {
            throw APIError(.shuttingDown, "The gateway is draining: connect again, perhaps elsewhere.")
        }
        let (chunks, output) = AsyncThrowingStream.makeStream(of: EventStreamSubscriber.Chunk.self)
        let eventLoop = context.channel.eventLoop
        let begun = eventLoop.makePromise(of: SubscriberMembership<EventStreamSubscriber>.self)
        eventLoop.execute {
            begin(asked, grant, context, output, begun)
        }
        let membership = try await begun.futureResult.get()
        return Response(
            status: .ok,
            headers: headers(asked),
            body: ResponseBody { writer in
                for try await chunk in chunks {
                    do {
                        try await writer.write(chunk.bytes)
                    } catch {
                        chunk.left?.fail(error)
                        throw error
                    }
                    let (bytes, now) = (chunk.bytes.readableBytes, services.now)
                    await membership.perform { $0.wrote(bytes, now: now()) }
                    chunk.left?.succeed(())
                }
                try await writer.finish(nil)
                membership.leave()
            }
        )
    }

    private func headers(_ asked: Asked) -> HTTPFields {
        var fields: HTTPFields = [
            .contentType: asked.kind.contentType, .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
        ]
        // Proxies that collect answers before they pass them on leave these alone.
        if let name = HTTPField.Name("X-Accel-Buffering") { fields[name] = "no" }
        if asked.kind == .sse, services.configuration.compression.isForServerSentEvents {
            fields[.vary] = "Accept-Encoding"
        }
        if isCompressed(asked) { fields[.contentEncoding] = "gzip" }
        return fields
    }

    private func isCompressed(_ asked: Asked) -> Bool {
        asked.kind == .sse && asked.acceptsGzip && services.configuration.compression.isForServerSentEvents
    }

    private func framing(_ asked: Asked) -> any StreamFraming {
        switch asked.kind {
        case .lines: LineFraming()
        case .sse where isCompressed(asked): GzippedFraming(epoch: epoch, rule: services.compression.serverSent)
        case .sse: ServerSentFraming(epoch: epoch)
        }
    }

    /// Adds the subscriber, on the event loop of its connection.
    private func begin(
        _ asked: Asked,
        _ grant: Grant,
        _ context: GatewayRequestContext,
        _ output: AsyncThrowingStream<EventStreamSubscriber.Chunk, any Error>.Continuation,
        _ begun: EventLoopPromise<SubscriberMembership<EventStreamSubscriber>>
    ) {
        let channel = context.channel
        guard let loop = loops[channel.eventLoop]?.subscribers else {
            return begun.fail(APIError(.internalError, "The connection's event loop has no subscribers."))
        }
        let epoch = epoch
        let framing = framing(asked)
        let subscriber = EventStreamSubscriber(
            on: loop,
            grant: grant,
            limits: EventStreamLimits(
                unwrittenBytes: services.configuration.unwrittenBytes,
                expiresAtNanoseconds: services.monotonic(grant.expiresAtWallNanoseconds),
                isDraining: services.isDraining,
                drainNanoseconds: services.drainNanoseconds
            ),
            framing: framing,
            now: services.now(),
            output: output,
            closeConnection: { channel.close(promise: nil) }
        )
        let leave: ClientLimiter.Leave
        do throws(APIError) {
            leave = try services.join(grant, from: context.client, on: channel)
        } catch {
            return begun.fail(error)
        }
        services.registry.connected(subscriber.id, grant.principal, context.client.description)
        services.accessLog.connected(subscriber.id, grant.principal, from: context.client)
        loop.add(subscriber)
        let open = open[asked.kind]
        open?.increment()
        let membership = SubscriberMembership(subscriber, loop) { [services, id = subscriber.id] in
            open?.decrement()
            leave()
            services.registry.disconnected(id)
        }
        let request = SubscribeRequest(
            entries: asked.entries,
            epoch: asked.epoch,
            wish: SubscriptionWish(format: framing.format, isShared: false)
        )
        // Dropped with the reply, when the stream ends before it.
        let begun = Pledge(begun, broken: APIError(.shuttingDown, "The stream ended before it began: connect again."))
        loop.barrier.subscribe(request, for: subscriber) { [unowned subscriber, services] result in
            switch result {
            case .success(let topics):
                services.accessLog.subscribed(subscriber.id, topics, grant.principal, from: context.client)
                subscriber.begin(
                    topics,
                    after: asked.entries.map(\.after),
                    json: EventStreams.subscribed(topics, asked.kind, epoch)
                )
                begun.succeed(membership)
            case .failure(let failure):
                begun.fail(APIError(failure))
            }
        }
    }

    /// Where the topics begin, as sluice.v1 replies to a subscribe; a stream of lines has one topic.
    private static func subscribed(_ topics: [SubscribedTopic], _ kind: Kind, _ epoch: String) -> [UInt8] {
        JSONWriter.object { json in
            json.member("type", "subscribed")
            switch kind {
            case .lines: topics.first?.write(to: &json)
            case .sse:
                json.name("topics")
                json.array { json in for topic in topics { json.object { topic.write(to: &$0) } } }
            }
            json.member("epoch", epoch)
        }
    }
}
