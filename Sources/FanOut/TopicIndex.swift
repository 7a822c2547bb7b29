import SluiceCore

/// Who is subscribed to what on one event loop, and where each topic stands in its chain.
///
/// A value: the loop's shell performs what follows.
///
/// A subscription begins held and gets nothing; ``release(_:of:after:)`` lets it in at an exact place of the chain.
/// Each topic has one position: a delivered record at or below it is a repetition, one whose `previous` is above it
/// reveals a hole. Both lists, of a topic's subscriptions and of a subscriber's own, know each other's places, so
/// that nothing is searched when a subscriber of a popular topic goes.
struct TopicIndex {
    private struct Place {
        let ticket: SubscriptionTicket
        let id: SubscriptionID
        var index: Int
    }

    // Not optional, though places are free: reading a part of an optional one would copy all of it.
    private var feeds: [TopicFeed] = []
    private var freeFeeds: [Int] = []
    private var feedOfTopic: [Topic: Int] = [:]
    // By subscriber; empty for one without subscriptions.
    private var places: [[Place]] = []
    private var nextTicket: UInt64 = 1
    private var nextFeedNumber: UInt64 = 0

    /// Every topic with its feed.
    var feedsByTopic: [Topic: Int] { feedOfTopic }

    /// Subscriptions of all subscribers.
    private(set) var subscriptionCount = 0

    /// Topics with at least one subscription.
    var topicCount: Int { feedOfTopic.count }

    /// Subscriptions of a subscriber.
    func count(of subscriber: Int) -> Int { places.indices.contains(subscriber) ? places[subscriber].count : 0 }

    /// The ticket of a subscriber's subscription; nil when there is none.
    func ticket(of subscriber: Int, for topic: Topic, _ id: SubscriptionID) -> SubscriptionTicket? {
        guard let feed = feedOfTopic[topic] else { return nil }
        return place(of: subscriber, in: feed, id).map { places[subscriber][$0].ticket }
    }

    /// Whether a subscriber has any subscription to a topic.
    func hasAny(_ subscriber: Int, of topic: Topic) -> Bool {
        guard let feed = feedOfTopic[topic], places.indices.contains(subscriber) else { return false }
        return places[subscriber].contains { $0.ticket.feed == feed }
    }

    /// A subscriber's subscriptions to a topic.
    func ids(of subscriber: Int, for topic: Topic) -> [SubscriptionID] {
        guard let feed = feedOfTopic[topic], places.indices.contains(subscriber) else { return [] }
        return places[subscriber].filter { $0.ticket.feed == feed }.map(\.id)
    }

    /// A subscriber's topics, each once.
    func topics(of subscriber: Int) -> [Topic] {
        guard places.indices.contains(subscriber) else { return [] }
        var seen: Set<Int> = []
        return places[subscriber].compactMap {
            seen.insert($0.ticket.feed).inserted ? feeds[$0.ticket.feed].topic : nil
        }
    }

    /// Whether the ticket's subscription still stands.
    func holds(_ ticket: SubscriptionTicket, of subscriber: Int) -> Bool { place(of: subscriber, ticket) != nil }

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

    /// A feed's subscription as it was, which from now on has everything up to `sequence`, and how often subscriptions have changed places.
    mutating func visit(
        _ position: Int,
        of feed: Int,
        upTo sequence: SequenceNumber
    ) -> (subscription: Subscription, removals: UInt32)? {
        guard feeds[feed].subscriptions.indices.contains(position) else { return nil }
        let subscription = feeds[feed].subscriptions[position]
        feeds[feed].subscriptions[position].start(after: sequence)
        return (subscription, feeds[feed].removals)
    }

    /// Lets a sweep walk over a feed's subscriptions and note what it has sent.
    mutating func withSubscriptions(of feed: Int, _ body: (UnsafeMutableBufferPointer<Subscription>) -> Void) {
        feeds[feed].subscriptions.withUnsafeMutableBufferPointer { body($0) }
    }

    // MARK: - Subscribing

    /// Adds a held subscription; one that stands already is replaced by it.
    mutating func subscribe(_ subscriber: Int, to topic: Topic, _ wish: SubscriptionWish) -> SubscriptionTicket {
        if let feed = feedOfTopic[topic], let place = place(of: subscriber, in: feed, wish.id) {
            remove(place, of: subscriber)
        }
        let feed = feedOfTopic[topic] ?? makeFeed(topic)
        let ticket = SubscriptionTicket(feed: feed, number: nextTicket)
        nextTicket += 1
        while places.count <= subscriber { places.append([]) }
        let index = feeds[feed].subscriptions.count
        feeds[feed].subscriptions.append(.held(subscriber, ordinal: places[subscriber].count, wish))
        places[subscriber].append(Place(ticket: ticket, id: wish.id, index: index))
        noteCount(of: subscriber)
        subscriptionCount += 1
        return ticket
    }

    /// Lets a held subscription in behind `sequence`, up to which its client has everything or wants nothing.
    /// - Returns: nil when it gets everything from now on, or when it doesn't stand any more; otherwise the topic's
    ///   position, up to which the
    ///   client needs the history first.
    mutating func release(
        _ ticket: SubscriptionTicket,
        of subscriber: Int,
        after sequence: SequenceNumber
    ) -> SequenceNumber? {
        let feed = ticket.feed
        guard let index = place(of: subscriber, ticket).map({ places[subscriber][$0].index }),
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
            let subscriber = Int(subscription.subscriber)
            let ticket = places[subscriber][Int(subscription.ordinal)].ticket
            all.append(
                HeldSubscription(
                    subscriber: subscriber,
                    topic: feeds[feed].topic,
                    ticket: ticket,
                    sent: max(subscription.startAfter, feeds[feed].position),
                    wish: subscription.wish
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
    mutating func unsubscribe(_ subscriber: Int, from topic: Topic, _ id: SubscriptionID) -> Bool {
        guard let feed = feedOfTopic[topic], let place = place(of: subscriber, in: feed, id) else { return false }
        remove(place, of: subscriber)
        return true
    }

    /// Removes everything of a subscriber.
    /// - Returns: how many it had.
    @discardableResult
    mutating func removeAll(of subscriber: Int) -> Int { remove(atMost: .max, of: subscriber) }

    /// Removes so many subscriptions of a subscriber.
    /// - Returns: how many were removed.
    @discardableResult
    mutating func remove(atMost maximum: Int, of subscriber: Int) -> Int {
        guard places.indices.contains(subscriber) else { return 0 }
        var count = 0
        while count < maximum, let last = places[subscriber].indices.last {
            remove(last, of: subscriber)
            count += 1
        }
        if places[subscriber].isEmpty { places[subscriber] = [] }
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

    private func place(of subscriber: Int, in feed: Int, _ id: SubscriptionID) -> Int? {
        guard places.indices.contains(subscriber) else { return nil }
        return places[subscriber].firstIndex { $0.ticket.feed == feed && $0.id == id }
    }

    private func place(of subscriber: Int, _ ticket: SubscriptionTicket) -> Int? {
        guard places.indices.contains(subscriber) else { return nil }
        return places[subscriber].firstIndex { $0.ticket == ticket }
    }

    /// The last of each list takes the place of the one that goes.
    private mutating func remove(_ ordinal: Int, of subscriber: Int) {
        let place = places[subscriber][ordinal]
        removeSubscription(at: place.index, from: place.ticket.feed)
        subscriptionCount -= 1
        let last = places[subscriber].removeLast()
        if ordinal < places[subscriber].count {
            places[subscriber][ordinal] = last
            feeds[last.ticket.feed].subscriptions[last.index].move(to: ordinal)
        }
        noteCount(of: subscriber)
    }

    /// Tells a subscriber's first subscription whether there are others.
    private mutating func noteCount(of subscriber: Int) {
        guard let first = places[subscriber].first, places[subscriber].count <= 2 else { return }
        feeds[first.ticket.feed].subscriptions[first.index].set(isOnlyOne: places[subscriber].count == 1)
    }

    private mutating func removeSubscription(at index: Int, from feed: Int) {
        let isHeld = feeds[feed].subscriptions[index].isHeld
        let last = feeds[feed].subscriptions.removeLast()
        if !isHeld { feeds[feed].liveCount -= 1 }
        feeds[feed].removals &+= 1
        if index < feeds[feed].subscriptions.count {
            feeds[feed].subscriptions[index] = last
            feeds[feed].leastMoved = min(feeds[feed].leastMoved, last.startAfter)
            places[Int(last.subscriber)][Int(last.ordinal)].index = index
        }
        guard feeds[feed].subscriptions.isEmpty else { return }
        feedOfTopic[feeds[feed].topic] = nil
        feeds[feed] = .free
        freeFeeds.append(feed)
    }
}
