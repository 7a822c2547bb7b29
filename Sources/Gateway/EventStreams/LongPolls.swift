import FanOut
import Metrics
import NIOCore
import SluiceCore

/// `GET /topics/{topic}/records?after=…&wait=…`: waits for a topic's next record, as a subscriber like any other.
///
/// The wait begins with a subscription, and only then the log is looked at again: what was committed before is found there, what comes later
/// wakes it.
struct LongPolls: Sendable {
    private let services: WebSocketServices
    private let loops: LoopDirectory
    private let open: Meter

    init(services: WebSocketServices, loops: LoopDirectory, metrics: any MetricsFactory) {
        self.services = services
        self.loops = loops
        open = Meter(label: "sluice_long_polls", dimensions: [], factory: metrics)
    }

    /// Returns when there is something behind `after`, when the time is over, or when the gateway drains.
    /// - Throws: what a subscribe is refused with.
    func wait(
        for topic: Topic,
        upTo time: TimeAmount,
        grant: Grant,
        context: GatewayRequestContext,
        isThere: @escaping @Sendable () throws -> Bool
    ) async throws {
        let eventLoop = context.channel.eventLoop
        let subscribed = eventLoop.makePromise(of: SubscriberMembership<LongPollSubscriber>.self)
        let woken = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { begin(topic, time, grant, context, subscribed, woken) }
        let membership = try await subscribed.futureResult.get()
        defer { membership.leave() }
        if try isThere() { return woken.succeed() }
        // A client that has ended its side waits no more: a program that was ended says no more of itself.
        context.input.whenClosed { woken.succeed() }
        await withTaskCancellationHandler {
            try? await woken.futureResult.get()
        } onCancel: {
            woken.succeed()
        }
    }

    private func begin(
        _ topic: Topic,
        _ time: TimeAmount,
        _ grant: Grant,
        _ context: GatewayRequestContext,
        _ subscribed: EventLoopPromise<SubscriberMembership<LongPollSubscriber>>,
        _ woken: EventLoopPromise<Void>
    ) {
        let channel = context.channel
        guard let loop = loops[channel.eventLoop]?.subscribers else {
            woken.succeed()
            return subscribed.fail(APIError(.internalError, "The connection's event loop has no subscribers."))
        }
        let leave: ClientLimiter.Leave
        do throws(APIError) {
            leave = try services.join(grant, from: context.client, on: channel)
        } catch {
            woken.succeed()
            return subscribed.fail(error)
        }
        let subscriber = LongPollSubscriber(grant, isDraining: services.isDraining, woken: woken)
        services.registry.connected(subscriber.id, grant.principal, context.client.description)
        loop.add(subscriber)
        open.increment()
        let timer = channel.eventLoop.scheduleTask(in: time) { woken.succeed() }
        let membership = SubscriberMembership(subscriber, loop) { [open, services, id = subscriber.id] in
            timer.cancel()
            woken.succeed()
            open.decrement()
            leave()
            services.registry.disconnected(id)
        }
        let pledge = Pledge(subscribed, broken: APIError(.shuttingDown, "The wait ended before it began: ask again."))
        let request = SubscribeRequest(
            entries: [.init(topic: topic, after: nil)],
            epoch: nil,
            wish: SubscriptionWish(format: LineEventFormat.id, isShared: false)
        )
        loop.barrier.subscribe(request, for: subscriber) { result in
            switch result {
            case .success: pledge.succeed(membership)
            case .failure(let failure): pledge.fail(APIError(failure))
            }
        }
    }
}

/// One wait: the first event ends it.
final class LongPollSubscriber: Subscriber {
    let id = ConnectionID.random()
    var slot = -1
    private(set) lazy var historyAsker = HistoryAsker(grant, self)
    private let grant: Grant
    private let isDraining: @Sendable () -> Bool
    private let woken: EventLoopPromise<Void>

    init(_ grant: Grant, isDraining: @escaping @Sendable () -> Bool, woken: EventLoopPromise<Void>) {
        self.grant = grant
        self.isDraining = isDraining
        self.woken = woken
    }

    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome {
        woken.succeed()
        return .taken
    }

    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>) {
        woken.succeed()
        left.succeed()
    }

    func flushNow() {}

    func end(_ reason: SubscriberEnd) { woken.succeed() }

    func lookAtClock(now: UInt64) { if isDraining() { woken.succeed() } }
}
