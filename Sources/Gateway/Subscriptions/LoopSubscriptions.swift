import SluiceCore

/// Who is subscribed to what on one event loop, and where each topic stands in its chain.
///
/// A value: the loop's shell performs what follows.
///
/// A subscription begins held and gets nothing; ``release(_:of:after:)`` lets it in at an exact place of the chain. Each
/// topic has one position:
/// a delivered record at or below it is a repetition, one whose `previous` is above it reveals a hole. Both lists, of a
/// topic's subscriptions
/// and of a connection's topics, know each other's places, so that nothing is searched when a connection of a popular
/// topic goes.
struct LoopSubscriptions {
    private struct Place {
        let ticket: SubscriptionTicket
        var index: Int
    }

    private var feeds: [TopicFeed?] = []
    private var freeFeeds: [Int] = []
    private var feedOfTopic: [Topic: Int] = [:]
    // By connection; empty for one without subscriptions.
    private var places: [[Place]] = []
    private var nextTicket: UInt64 = 1
    private var nextFeedNumber: UInt64 = 0

    /// Every topic with its feed.
    var feedsByTopic: [Topic: Int] { feedOfTopic }

    /// Topics with at least one subscription.
    var topicCount: Int { feedOfTopic.count }

    /// Topics of a connection.
    func count(of connection: Int) -> Int { places.indices.contains(connection) ? places[connection].count : 0 }

    /// The ticket of a connection's subscription; nil when there is none.
    func ticket(of connection: Int, for topic: Topic) -> SubscriptionTicket? {
        guard let feed = feedOfTopic[topic] else { return nil }
        return place(of: connection, in: feed).map { places[connection][$0].ticket }
    }

    /// Whether the ticket's subscription still stands.
    func holds(_ ticket: SubscriptionTicket, of connection: Int) -> Bool { place(of: connection, ticket) != nil }

    /// Where a feed stands.
    func position(of feed: Int) -> SequenceNumber { feeds[feed]?.position ?? .none }

    /// What a sweep must know of a feed's list; nil when the feed is gone.
    func shape(of feed: Int) -> TopicFeed.Shape? {
        feeds[feed].map {
            TopicFeed.Shape(
                feedNumber: $0.number,
                count: $0.subscriptions.count,
                removals: $0.removals,
                leastMoved: $0.leastMoved
            )
        }
    }

    /// The same for the sweep of the feed with that number, which then knows what has changed places; nil when the feed's
    /// place is another's.
    mutating func follow(_ feed: Int, number: UInt64) -> TopicFeed.Shape? {
        guard let shape = shape(of: feed), shape.feedNumber == number else { return nil }
        feeds[feed]?.leastMoved = Subscription.held
        return shape
    }

    /// A feed's subscription.
    func subscription(_ position: Int, of feed: Int) -> Subscription? {
        guard let subscriptions = feeds[feed]?.subscriptions, subscriptions.indices.contains(position) else {
            return nil
        }
        return subscriptions[position]
    }

    /// A subscription has everything up to `sequence`.
    mutating func sent(_ sequence: SequenceNumber, to position: Int, of feed: Int) {
        feeds[feed]?.subscriptions[position].start(after: sequence)
    }

    /// Lets a sweep walk over a feed's subscriptions and note what it has sent.
    mutating func withSubscriptions(of feed: Int, _ body: (UnsafeMutableBufferPointer<Subscription>) -> Void) {
        feeds[feed]?.subscriptions.withUnsafeMutableBufferPointer { body($0) }
    }

    // MARK: - Subscribing

    /// Adds a held subscription; one that stands already is replaced by it.
    mutating func subscribe(_ connection: Int, to topic: Topic, _ encoding: EventEncoding) -> SubscriptionTicket {
        if let feed = feedOfTopic[topic], let place = place(of: connection, in: feed) { remove(place, of: connection) }
        let feed = feedOfTopic[topic] ?? makeFeed(topic)
        let ticket = SubscriptionTicket(feed: feed, number: nextTicket)
        nextTicket += 1
        while places.count <= connection { places.append([]) }
        let index = feeds[feed]?.subscriptions.count ?? 0
        feeds[feed]?.subscriptions.append(.held(connection, ordinal: places[connection].count, encoding))
        places[connection].append(Place(ticket: ticket, index: index))
        noteCount(of: connection)
        return ticket
    }

    /// Lets a held subscription in behind `sequence`, up to which its client has everything or wants nothing.
    /// - Returns: nil when it gets everything from now on, or when it doesn't stand any more; otherwise the topic's
    ///   position, up to which the
    ///   client needs the history first.
    mutating func release(
        _ ticket: SubscriptionTicket,
        of connection: Int,
        after sequence: SequenceNumber
    ) -> SequenceNumber? {
        guard let index = place(of: connection, ticket).map({ places[connection][$0].index }),
            var feed = feeds[ticket.feed],
            feed.subscriptions[index].isHeld
        else { return nil }
        if feed.position > sequence { return feed.position }
        feeds[ticket.feed] = nil
        // Nobody was let in before: what came until now was for nobody, and holes in it are nobody's.
        if feed.liveCount == 0 { feed.position = sequence }
        feed.subscriptions[index].start(after: sequence)
        feed.liveCount += 1
        feeds[ticket.feed] = feed
        return nil
    }

    /// Holds all of a feed's subscriptions that aren't: each has to catch up from the log.
    mutating func holdAll(of feed: Int) -> [HeldSubscription] {
        guard var held = feeds[feed] else { return [] }
        feeds[feed] = nil
        defer { feeds[feed] = held }
        var all: [HeldSubscription] = []
        for index in held.subscriptions.indices where !held.subscriptions[index].isHeld {
            let subscription = held.subscriptions[index]
            let connection = Int(subscription.connection)
            let ticket = places[connection][Int(subscription.ordinal)].ticket
            all.append(
                HeldSubscription(
                    connection: connection,
                    topic: held.topic,
                    ticket: ticket,
                    sent: max(subscription.startAfter, held.position),
                    encoding: subscription.encoding
                )
            )
            held.subscriptions[index].start(after: Subscription.held)
        }
        held.liveCount = 0
        return all
    }

    // MARK: - Unsubscribing

    /// Removes a subscription; false when there was none.
    @discardableResult
    mutating func unsubscribe(_ connection: Int, from topic: Topic) -> Bool {
        guard let feed = feedOfTopic[topic], let place = place(of: connection, in: feed) else { return false }
        remove(place, of: connection)
        return true
    }

    /// Removes everything of a connection.
    /// - Returns: how many topics it had.
    @discardableResult
    mutating func removeAll(of connection: Int) -> Int {
        guard places.indices.contains(connection) else { return 0 }
        let count = places[connection].count
        while let last = places[connection].indices.last { remove(last, of: connection) }
        places[connection] = []
        return count
    }

    // MARK: - Records

    /// Judges a delivered record by its chain.
    ///
    /// The position moves when it is the next one, or when nobody wants it.
    mutating func arrival(_ topic: Topic, _ sequence: SequenceNumber, previous: SequenceNumber) -> RecordArrival {
        guard let feed = feedOfTopic[topic], let position = feeds[feed]?.position, let live = feeds[feed]?.liveCount
        else {
            return .unwanted
        }
        if live == 0 {
            feeds[feed]?.position = max(position, sequence)
            return .unwanted
        }
        if sequence <= position { return .repetition }
        if previous > position { return .hole(feed: feed, position: position) }
        feeds[feed]?.position = sequence
        return .next(feed: feed)
    }

    /// Moves a feed's position forward, when a hole before `sequence` is filled or left to the subscriptions.
    mutating func move(_ feed: Int, to sequence: SequenceNumber) {
        guard let position = feeds[feed]?.position else { return }
        feeds[feed]?.position = max(position, sequence)
    }

    /// The sweep of a feed that is on its way.
    func sweep(of feed: Int) -> Int? {
        guard let sweep = feeds[feed]?.sweep, sweep >= 0 else { return nil }
        return Int(sweep)
    }

    /// Notes the sweep of a feed; nil when it is over.
    mutating func setSweep(_ sweep: Int?, of feed: Int) { feeds[feed]?.sweep = Int32(truncatingIfNeeded: sweep ?? -1) }

    // MARK: - Places

    private mutating func makeFeed(_ topic: Topic) -> Int {
        nextFeedNumber += 1
        let feed: Int
        if let free = freeFeeds.popLast() {
            feed = free
            feeds[feed] = TopicFeed(topic: topic, number: nextFeedNumber)
        } else {
            feed = feeds.count
            feeds.append(TopicFeed(topic: topic, number: nextFeedNumber))
        }
        feedOfTopic[topic] = feed
        return feed
    }

    private func place(of connection: Int, in feed: Int) -> Int? {
        guard places.indices.contains(connection) else { return nil }
        return places[connection].firstIndex { $0.ticket.feed == feed }
    }

    private func place(of connection: Int, _ ticket: SubscriptionTicket) -> Int? {
        guard places.indices.contains(connection) else { return nil }
        return places[connection].firstIndex { $0.ticket == ticket }
    }

    /// The last of each list takes the place of the one that goes.
    private mutating func remove(_ ordinal: Int, of connection: Int) {
        let place = places[connection][ordinal]
        removeSubscription(at: place.index, from: place.ticket.feed)
        let last = places[connection].removeLast()
        if ordinal < places[connection].count {
            places[connection][ordinal] = last
            feeds[last.ticket.feed]?.subscriptions[last.index].move(to: ordinal)
        }
        noteCount(of: connection)
    }

    /// Tells a connection's first subscription whether there are others.
    private mutating func noteCount(of connection: Int) {
        guard let first = places[connection].first, places[connection].count <= 2 else { return }
        feeds[first.ticket.feed]?.subscriptions[first.index].set(isOnlyOne: places[connection].count == 1)
    }

    private mutating func removeSubscription(at index: Int, from feed: Int) {
        guard let isHeld = feeds[feed]?.subscriptions[index].isHeld, let last = feeds[feed]?.subscriptions.removeLast()
        else { return }
        if !isHeld { feeds[feed]?.liveCount -= 1 }
        feeds[feed]?.removals &+= 1
        if let count = feeds[feed]?.subscriptions.count, index < count {
            feeds[feed]?.subscriptions[index] = last
            if let least = feeds[feed]?.leastMoved { feeds[feed]?.leastMoved = min(least, last.startAfter) }
            places[Int(last.connection)][Int(last.ordinal)].index = index
        }
        guard feeds[feed]?.subscriptions.isEmpty == true, let topic = feeds[feed]?.topic else { return }
        feeds[feed] = nil
        feedOfTopic[topic] = nil
        freeFeeds.append(feed)
    }
}
