import Logging
import QueueEngine
import Queues
import SluiceCore
import Synchronization

/// Delivers topics' messages over HTTP: takes them from the subscriptions' queues, posts them, and says what becomes of them.
///
/// Several gateways on one log may do so at once: who takes a message keeps the others from it.
final class TopicDeliveries: Sendable {
    private let service: TopicService
    private let rules: EndpointRules
    /// Has the key that the notifications are signed with.
    let signer: NotificationSigner
    private let client: EndpointClient
    private let measures: NotificationMeasures
    private let logger: Logger
    private let slots = DeliverySlots(maximumOnTheirWay)
    private let turns = Mutex(DeliveryTurns())
    private let base: Mutex<String?>
    private let lines = Mutex(LogRateLimit(linesPerSecond: 5))

    /// Messages that may be on their way at once; each has up to 256 KiB in memory, some of it twice.
    private static let maximumOnTheirWay = 256
    /// How long nobody else takes a message that is on its way, seconds: three times as long as an endpoint may take.
    private static let visibilitySeconds = 3 * EndpointClient.timeoutSeconds
    /// How long it takes to notice what another gateway has committed, nanoseconds.
    private static let lookAgainNanoseconds: UInt64 = 1_000_000_000

    /// `url`: scheme and host by which endpoints reach this gateway; nil for where it listens.
    init(
        _ service: TopicService,
        rules: EndpointRules,
        signer: NotificationSigner,
        url: String?,
        measures: NotificationMeasures,
        logger: Logger
    ) {
        self.service = service
        self.rules = rules
        self.signer = signer
        self.measures = measures
        self.logger = logger
        client = EndpointClient(maximumConnections: TopicDeliveries.maximumOnTheirWay)
        base = Mutex(url)
    }

    /// The gateway listens here: deliveries begin.
    func listening(at address: String) {
        base.withLock { $0 = $0 ?? address }
        service.wakeDeliveries()
    }

    /// Delivers until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let generation = service.deliveryGeneration
                if let base = base.withLock({ $0 }) {
                    for waiting in begun() { group.addTask { await self.deliver(waiting, base) } }
                }
                let (now, next) = (StageClock.wallNanoseconds(), turns.withLock { $0.nextAtNanoseconds })
                let pause = next > now ? min(next - now, TopicDeliveries.lookAgainNanoseconds) : 1_000_000
                await service.waitForDeliveries(since: generation, nanoseconds: pause)
            }
            group.cancelAll()
        }
    }

    /// The subscriptions whose deliveries begin now.
    private func begun() -> [WaitingDeliveries] {
        do throws(QueueError) {
            let waiting = try service.waitingDeliveries()
            let now = StageClock.wallNanoseconds()
            return turns.withLock { turns in
                turns.keep(waiting)
                return waiting.filter { turns.begin($0, nowNanoseconds: now) }
            }
        } catch {
            tell("deliveries to HTTP endpoints can't be looked for", ["error": "\(error)"])
            return []
        }
    }

    /// Delivers one subscription's messages until there are none that can be taken.
    private func deliver(_ waiting: WaitingDeliveries, _ base: String) async {
        var next = StageClock.wallNanoseconds() + TopicDeliveries.lookAgainNanoseconds
        do throws(QueueError) {
            while !Task.isCancelled, let delivery = try service.delivery(of: waiting) {
                guard let nextAt = try await round(delivery, base) else { continue }
                next = nextAt
                break
            }
        } catch {
            tell("messages for an endpoint can't be taken", ["topic": "\(waiting.topic)", "error": "\(error)"])
        }
        let hasMore = turns.withLock { [next] turns in turns.end(waiting, nextAtNanoseconds: next) }
        if hasMore { service.wakeDeliveries() }
    }

    /// Takes and delivers some messages at once.
    /// - Returns: when there is more to take, if nothing was; nil when something was.
    private func round(_ delivery: TopicService.Delivery, _ base: String) async throws(QueueError) -> UInt64? {
        let queue = delivery.queue
        var most = turns.withLock { $0.concurrency(of: queue.number) }
        if let rate = delivery.policy.maxReceivesPerSecond { most = min(most, rate) }
        await slots.take()
        let taken = 1 + slots.takeFree(upTo: most - 1)
        let received: [ReceivedMessage]
        do {
            defer { slots.give(taken) }
            let found = try await service.take(
                from: queue,
                maximum: taken,
                visibilitySeconds: TopicDeliveries.visibilitySeconds
            )
            guard !found.received.isEmpty else { return found.nextAtNanoseconds ?? .max }
            received = found.received
            await withDiscardingTaskGroup { group in
                for message in received { group.addTask { await self.deliver(message, delivery, base) } }
            }
        }
        if let rate = delivery.policy.maxReceivesPerSecond {
            try? await Task.sleep(for: .milliseconds(1_000 * received.count / rate))
        }
        return nil
    }

    private func deliver(_ message: ReceivedMessage, _ delivery: TopicService.Delivery, _ base: String) async {
        let answer = await send(message, delivery.subscription, base)
        let attempt = Int(message.entry.receiveCount)
        let verdict = DeliveryVerdict(answer, attempt: attempt, policy: delivery.policy)
        turns.withLock { $0.note(delivery.queue.number, isFailing: verdict != .delivered) }
        do throws(QueueError) {
            switch verdict {
            case .delivered:
                try await service.delivered(message, of: delivery)
                measures.ended(.delivered)
            case .retry(let seconds):
                try service.postpone(message, seconds: seconds)
                if answer != .cancelled { measures.ended(.retried) }
            case .giveUp(let reason):
                let isDeadLetter = try await service.giveUp(message, of: delivery)
                measures.ended(isDeadLetter ? .deadLetter : .dropped)
                tell(
                    isDeadLetter ? "a message is a dead letter now" : "a message couldn't be delivered and is dropped",
                    [
                        "subscription": "\(delivery.subscription.arn)", "message": "\(message.message.id)",
                        "attempts": "\(attempt)", "reason": "\(reason.printable(limit: 200))",
                    ]
                )
            }
        } catch {
            // It is taken again when its time comes: a repetition, and no loss.
            tell("what became of a message can't be stored", ["error": "\(error)"])
        }
    }

    private func send(
        _ message: ReceivedMessage,
        _ subscription: TopicSubscription,
        _ base: String
    ) async -> EndpointAnswer {
        // Asked each time: the setting may be another one than when it was subscribed, and commands subscribe without it.
        if let refusal = rules.refusal(of: subscription.endpoint) { return .refused(refusal) }
        do {
            let notification = try HTTPNotification(message.message, for: subscription, signer: signer, base: base)
            return await client.post(notification, to: subscription.endpoint)
        } catch {
            return .refused("\(error)")
        }
    }

    private func tell(_ line: Logger.Message, _ metadata: Logger.Metadata) {
        guard let leftOut = lines.withLock({ $0.admit(atNanoseconds: StageClock.nowNanoseconds()) }) else { return }
        var metadata = metadata
        if leftOut > 0 { metadata["linesLeftOut"] = "\(leftOut)" }
        logger.warning(line, metadata: metadata)
    }
}
