/// One run against one server: its connections, its messages and what came of them.
///
/// All of it on one thread.
final class Run {
    let options: Options
    let poller = Poller()
    var tally = Tally()
    private(set) var outstanding: Outstanding
    private(set) var closedSubscribers = 0
    private var subscribers: [Subscriber] = []
    private var publishers: [Publisher] = []
    private var idle: [Publisher] = []
    private var readySubscribers = 0
    private var readyPublishers = 0
    private var failure: LoadError?
    private var nextSweep: UInt64 = 0

    /// How long a message may be on its way before it counts as lost.
    static let patience: UInt64 = 5_000_000_000

    init(options: Options) {
        self.options = options
        let receivers = options.workload == .publish ? 0 : options.connections / options.topics
        outstanding = Outstanding(receivers: receivers, isAcknowledged: options.peer.acknowledges)
    }

    // MARK: What connections report

    func subscribed() { readySubscribers += 1 }
    func publisherReady() { readyPublishers += 1 }
    func fail(_ error: LoadError) { failure = failure ?? error }

    func subscriberClosed(wasReady: Bool) {
        closedSubscribers += 1
        if !wasReady { fail(.refused("a subscriber's connection was closed before it was subscribed")) }
    }

    func received(_ marker: Marker) {
        tally.deliveries += 1
        let now = poller.now
        let latency = now > marker.due ? now - marker.due : 0
        tally.delivery.record(latency)
        if outstanding.received(marker.number) { tally.last.record(latency) }
    }

    func acknowledged(_ number: UInt32, on publisher: Publisher) {
        if options.peer.publishesOneAtATime { idle.append(publisher) }
        guard let published = outstanding.acknowledged(number) else { return }
        tally.acknowledged += 1
        tally.acknowledgement.record(poller.now > published ? poller.now - published : 0)
    }

    // MARK: Phases

    /// Connects and subscribes everything; returns the seconds from the first connect until all subscribers are up.
    func connect() throws -> Double {
        let start = Marker.now()
        let deadline = start + 90_000_000_000
        while readySubscribers < options.subscribers {
            while subscribers.count < options.subscribers, subscribers.count - readySubscribers < options.connecting {
                subscribers.append(try subscriber(topic: options.topic(subscribers.count % options.topics)))
            }
            try turn(until: deadline)
            guard Marker.now() < deadline else {
                throw LoadError.notUp(ready: readySubscribers, of: options.subscribers)
            }
        }
        let seconds = Double(Marker.now() - start) / 1e9
        for _ in 0..<options.publisherCount { publishers.append(try publisher()) }
        while readyPublishers < publishers.count {
            try turn(until: deadline)
            guard Marker.now() < deadline else { throw LoadError.notUp(ready: readyPublishers, of: publishers.count) }
        }
        // Fewer connections than messages in flight: pipelined, the connections in turn.
        let depth = max(1, options.inFlight / max(1, publishers.count))
        for _ in 0..<(options.workload == .paced ? 1 : depth) { idle += publishers }
        return seconds
    }

    /// Keeps --in-flight messages on their way until `end`.
    func keepInFlight(until end: UInt64) throws {
        while Marker.now() < end {
            while outstanding.count < options.inFlight, outstanding.hasRoom, publish(due: nil) {}
            try turn(until: end)
        }
    }

    /// Publishes --rate messages a second, each when it is due or as soon afterwards as a connection is free.
    func pace(from start: UInt64, until end: UInt64) throws {
        var number: UInt64 = 0
        var due = start
        while due < end {
            while due <= Marker.now(), due < end, outstanding.hasRoom, publish(due: due) {
                number += 1
                due = start + number * 1_000_000_000 / UInt64(options.rate)
            }
            // Late because nothing is free: wait for an answer, not for the clock.
            try turn(until: due <= poller.now ? poller.now + 1_000_000 : due)
        }
    }

    /// Lets what is on its way arrive.
    func drain() throws {
        while outstanding.count > 0 { try turn(until: Marker.now() + 50_000_000) }
    }

    /// Only listens until `end`.
    func rest(until end: UInt64) throws {
        while Marker.now() < end { try turn(until: end) }
    }

    /// Closes everything.
    func close() {
        for connection in subscribers { connection.close() }
        for connection in publishers { connection.close() }
    }

    private func turn(until: UInt64) throws {
        poller.turn(until: until)
        if poller.now > nextSweep {
            nextSweep = poller.now + 20_000_000
            outstanding.giveUp(before: poller.now > Run.patience ? poller.now - Run.patience : 0)
        }
        if let failure { throw failure }
    }

    private func publish(due: UInt64?) -> Bool {
        guard
            let publisher = options.peer.publishesOneAtATime
                ? idle.popLast() : publishers[Int(outstanding.next) % publishers.count]
        else {
            return false
        }
        let now = Marker.now()
        let number = outstanding.publish(now: due ?? now)
        publisher.publish(number: number, topic: Int(number) % options.topics, due: due ?? now)
        tally.published += 1
        return true
    }

    private func subscriber(topic: String) throws -> Subscriber {
        switch options.peer {
        case .sluice, .sluiceWS: try SluiceSubscriber(topic: topic, run: self)
        case .nats, .jetstream: try NATSSubscriber(topic: topic, run: self)
        case .nchan: try NchanSubscriber(topic: topic, run: self)
        case .mosquitto: try MQTTSubscriber(topic: topic, run: self)
        case .redis: throw LoadError.usage("redis is for publish only")
        }
    }

    private func publisher() throws -> Publisher {
        switch options.peer {
        case .sluice: try HTTPPublisher(prefix: "/topics/", run: self)
        case .nchan: try HTTPPublisher(prefix: "/pub/", run: self)
        case .sluiceWS: try SluiceSocketPublisher(run: self)
        case .nats, .jetstream: try NATSPublisher(run: self)
        case .mosquitto: try MQTTPublisher(run: self)
        case .redis: try RedisPublisher(run: self)
        }
    }
}
