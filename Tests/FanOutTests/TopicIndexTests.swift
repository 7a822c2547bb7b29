import SluiceCore
import TestSupport
import Testing

@testable import FanOut

@Suite("TopicIndex")
struct TopicIndexTests {
    private let topic = Topic(alreadyChecked: "a")

    private func number(_ value: UInt64) -> SequenceNumber { SequenceNumber(value) }

    @Test("wants nothing of a topic without subscriptions, and none for held ones")
    func unwanted() {
        var index = TopicIndex()
        #expect(index.arrival(topic, number(1), previous: .none) == .unwanted)
        _ = index.subscribe(0, to: topic, .first)
        #expect(index.arrival(topic, number(2), previous: number(1)) == .unwanted)
        #expect(index.subscriptions(of: 0).map(\.isHeld) == [true])
    }

    @Test("lets a subscription in when the position allows it, and says how far it must catch up otherwise")
    func release() {
        var index = TopicIndex()
        let ticket = index.subscribe(0, to: topic, .first)
        _ = index.arrival(topic, number(7), previous: number(5))
        #expect(index.release(ticket, of: 0, after: number(5)) == number(7))
        #expect(index.release(ticket, of: 0, after: number(7)) == nil)
        #expect(index.arrival(topic, number(7), previous: number(5)) == .repetition)
        #expect(index.arrival(topic, number(8), previous: number(7)) == .next(feed: ticket.feed))
        #expect(index.arrival(topic, number(12), previous: number(10)) == .hole(feed: ticket.feed, position: number(8)))
        #expect(index.position(of: ticket.feed) == number(8))
        index.move(ticket.feed, to: number(12))
        #expect(index.arrival(topic, number(13), previous: number(12)) == .next(feed: ticket.feed))
    }

    @Test("starts a first subscription behind its number, whatever came before")
    func firstPosition() {
        var index = TopicIndex()
        let ticket = index.subscribe(0, to: topic, .first)
        #expect(index.release(ticket, of: 0, after: number(20)) == nil)
        #expect(index.arrival(topic, number(15), previous: number(3)) == .repetition)
        #expect(index.arrival(topic, number(21), previous: number(20)) == .next(feed: ticket.feed))
    }

    @Test("ignores the ticket of a subscription that was replaced")
    func tickets() {
        var index = TopicIndex()
        let old = index.subscribe(0, to: topic, .first)
        let new = index.subscribe(0, to: topic, .second)
        #expect(!index.holds(old, of: 0))
        #expect(index.holds(new, of: 0))
        #expect(index.release(old, of: 0, after: number(3)) == nil)
        #expect(index.subscriptions(of: new.feed).map(\.isHeld) == [true])
        #expect(index.count(of: 0) == 1)
    }

    @Test("holds all live subscriptions with what they have")
    func holdAll() {
        var index = TopicIndex()
        let tickets = (0..<3).map { index.subscribe($0, to: topic, .first) }
        _ = index.release(tickets[0], of: 0, after: number(2))
        _ = index.release(tickets[1], of: 1, after: number(9))
        _ = index.arrival(topic, number(4), previous: number(2))
        let held = index.holdAll(of: tickets[0].feed)
        #expect(held.map(\.subscriber) == [0, 1])
        #expect(held.map(\.sent) == [number(4), number(9)])
        #expect(index.arrival(topic, number(5), previous: number(4)) == .unwanted)
    }

    @Test("tells a feed's sweep, once, up to where those have everything that changed places, and no other's")
    func moves() throws {
        var index = TopicIndex()
        for connection in 0..<4 {
            let ticket = index.subscribe(connection, to: topic, .first)
            #expect(index.release(ticket, of: connection, after: number(UInt64(7 + connection))) == nil)
        }
        let feed = try #require(index.ticket(of: 0, for: topic, .only)).feed
        let shape = try #require(index.shape(of: feed))
        #expect(shape.leastMoved == Subscription.held)
        // The last one changes places with nobody.
        index.removeAll(of: 3)
        #expect(index.shape(of: feed)?.leastMoved == Subscription.held)
        index.removeAll(of: 0)
        #expect(index.shape(of: feed)?.leastMoved == number(9))
        let ofAnother = index.follow(feed, number: shape.feedNumber &+ 1)
        #expect(ofAnother == nil)
        let first = index.follow(feed, number: shape.feedNumber)
        #expect(first?.leastMoved == number(9) && first?.count == 2 && first?.removals == 2)
        let second = index.follow(feed, number: shape.feedNumber)
        #expect(second?.leastMoved == Subscription.held)
    }

    @Test("keeps both lists in step through random subscribing and leaving")
    func lists() {
        let seed = UInt64.random(in: .min ... .max)
        print("TopicIndexTests.lists seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var index = TopicIndex()
        var model: [Int: Set<Topic>] = [:]
        let topics = (0..<6).map { Topic(alreadyChecked: "t\($0)") }
        for _ in 0..<5_000 {
            let connection = Int.random(in: 0..<8, using: &random)
            let topic = topics.randomElement(using: &random) ?? topics[0]
            switch Int.random(in: 0..<10, using: &random) {
            case 0: #expect(index.removeAll(of: connection) == model.removeValue(forKey: connection)?.count ?? 0)
            case 1...4:
                #expect(index.unsubscribe(connection, from: topic, .only) == (model[connection]?.remove(topic) != nil))
            default:
                let ticket = index.subscribe(connection, to: topic, .first)
                if Bool.random(using: &random) { _ = index.release(ticket, of: connection, after: number(1)) }
                model[connection, default: []].insert(topic)
            }
            #expect(index.topicCount == Set(model.values.joined()).count)
            for (connection, topics) in model { #expect(index.count(of: connection) == topics.count) }
            for topic in topics {
                let expected = Set(model.filter { $0.value.contains(topic) }.keys)
                let feed = expected.first.flatMap { index.ticket(of: $0, for: topic, .only)?.feed }
                #expect(Set(feed.map { index.subscriptions(of: $0).map { Int($0.subscriber) } } ?? []) == expected)
            }
        }
    }
}

extension TopicIndex {
    /// A feed's subscriptions; none when it is gone.
    func subscriptions(of feed: Int) -> [Subscription] {
        (0..<(shape(of: feed)?.count ?? 0)).compactMap { subscription($0, of: feed) }
    }
}
