import SluiceCore

/// Who is subscribed to what on one event loop, and where each topic stands in its chain.
///
/// A value: the loop's shell performs what follows.
///
/// A subscription begins held and gets nothing; ``release(_:of:after:)`` lets it in at an exact place of the chain.
/// Each topic has one position: a delivered record at or below it is a repetition, one whose `previous` is above it
/// reveals a hole. Both lists, of a topic's subscriptions and of a connection's topics, know each other's places, so
/// that nothing is searched when a connection of a popular topic goes.
struct LoopSubscriptions {
    private struct Place {
        let ticket: SubscriptionTicket
        var index: Int
    }

    // Not optional, though places are free: reading a part of an optional one would copy all of it.
    private var feeds: [TopicFeed] = []
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
    func position(of feed: Int) -> SequenceNumber { feeds[feed].position }

    /// What a sweep must know of a feed's list; nil when the feed is gone.
    func shape(of feed: Int) -> TopicFeed.Shape? {
        guard !feeds[feed].isFree else { return nil }
        return TopicFeed.Shape(
            feedNumber: feeds[feed].number,
            count: feeds[feed].subscriptions.count,
            removals: feeds[feed].removals,
            leastMoved: feeds[feed].leastMoved
        )
    }

    /// The same for the sweep of the feed with that number, which then knows what has changed places; nil when the feed's
    /// place is another's.
    mutating func follow(_ feed: Int, number: UInt64) -> TopicFeed.Shape? {
        guard let shape = shape(of: feed), shape.feedNumber == number else { return nil }
        feeds[feed].leastMoved = Subscription.held
        return shape
    }

    /// A feed's subscription.
    func subscription(_ position: Int, of feed: Int) -> Subscription? {
        guard feeds[feed].subscriptions.indices.contains(position) else { return nil }
        return feeds[feed].subscriptions[position]
    }

    /// A subscription has everything up to `sequence`.
    mutating func sent(_ sequence: SequenceNumber, to position: Int, of feed: Int) {
        guard feeds[feed].subscriptions.indices.contains(position) else { return }
        feeds[feed].subscriptions[position].start(after: sequence)
    }

    /// Lets a sweep walk over a feed's subscriptions and note what it has sent.
    mutating func withSubscriptions(of feed: Int, _ body: (UnsafeMutableBufferPointer<Subscription>) -> Void) {
        feeds[feed].subscriptions.withUnsafeMutableBufferPointer { body($0) }
    }

    // MARK: - Subscribing

    /// Adds a held subscription; one that stands already is replaced by it.
    mutating func subscribe(_ connection: Int, to topic: Topic, _ encoding: EventEncoding) -> SubscriptionTicket {
        if let feed = feedOfTopic[topic], let place = place(of: connection, in: feed) { remove(place, of: connection) }
        let feed = feedOfTopic[topic] ?? makeFeed(topic)
        let ticket = SubscriptionTicket(feed: feed, number: nextTicket)
        nextTicket += 1
        while places.count <= connection { places.append([]) }
        let index = feeds[feed].subscriptions.count
        feeds[feed].subscriptions.append(.held(connection, ordinal: places[connection].count, encoding))
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
        let feed = ticket.feed
        guard let index = place(of: connection, ticket).map({ places[connection][$0].index }),
            feeds[feed].subscriptions[index].isHeld
        else { return nil }
        if feeds[feed].position > sequence { return feeds[feed].position }
        // Nobody was let in before: what came until now was for nobody, and holes in it are nobody's.
        if feeds[feed].liveCount == 0 { feeds[feed].position = sequence }
        feeds[feed].subscriptions[index].start(after: sequence)
        feeds[feed].liveCount += 1
        return nil
    }

    /// Holds all of a feed's subscriptions that aren't: each has to catch up from the log.
    mutating func holdAll(of feed: Int) -> [HeldSubscription] {
        var all: [HeldSubscription] = []
        for index in feeds[feed].subscriptions.indices where !feeds[feed].subscriptions[index].isHeld {
            let subscription = feeds[feed].subscriptions[index]
            let connection = Int(subscription.connection)
            let ticket = places[connection][Int(subscription.ordinal)].ticket
            all.append(
                HeldSubscription(
                    connection: connection,
                    topic: feeds[feed].topic,
                    ticket: ticket,
                    sent: max(subscription.startAfter, feeds[feed].position),
                    encoding: subscription.encoding
                )
            )
            feeds[feed].subscriptions[index].start(after: Subscription.held)
        }
        feeds[feed].liveCount = 0
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
        guard let feed = feedOfTopic[topic] else { return .unwanted }
        let position = feeds[feed].position
        if feeds[feed].liveCount == 0 {
            feeds[feed].position = max(position, sequence)
            return .unwanted
        }
        if sequence <= position { return .repetition }
        if previous > position { return .hole(feed: feed, position: position) }
        feeds[feed].position = sequence
        return .next(feed: feed)
    }

    /// Moves a feed's position forward, when a hole before `sequence` is filled or left to the subscriptions.
    mutating func move(_ feed: Int, to sequence: SequenceNumber) {
        feeds[feed].position = max(feeds[feed].position, sequence)
    }

    /// The sweep of a feed that is on its way.
    func sweep(of feed: Int) -> Int? {
        let sweep = feeds[feed].sweep
        return sweep < 0 ? nil : Int(sweep)
    }

    /// Notes the sweep of a feed; nil when it is over.
    mutating func setSweep(_ sweep: Int?, of feed: Int) { feeds[feed].sweep = Int32(truncatingIfNeeded: sweep ?? -1) }

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
            feeds[last.ticket.feed].subscriptions[last.index].move(to: ordinal)
        }
        noteCount(of: connection)
    }

    /// Tells a connection's first subscription whether there are others.
    private mutating func noteCount(of connection: Int) {
        guard let first = places[connection].first, places[connection].count <= 2 else { return }
        feeds[first.ticket.feed].subscriptions[first.index].set(isOnlyOne: places[connection].count == 1)
    }

    private mutating func removeSubscription(at index: Int, from feed: Int) {
        let isHeld = feeds[feed].subscriptions[index].isHeld
        let last = feeds[feed].subscriptions.removeLast()
        if !isHeld { feeds[feed].liveCount -= 1 }
        feeds[feed].removals &+= 1
        if index < feeds[feed].subscriptions.count {
            feeds[feed].subscriptions[index] = last
            feeds[feed].leastMoved = min(feeds[feed].leastMoved, last.startAfter)
            places[Int(last.connection)][Int(last.ordinal)].index = index
        }
        guard feeds[feed].subscriptions.isEmpty else { return }
        feedOfTopic[feeds[feed].topic] = nil
        feeds[feed] = .free
        freeFeeds.append(feed)
    }
}
