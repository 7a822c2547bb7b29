import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import FanOut

/// The fan-out as any protocol sees it: barrier, order, resume and sweeps, with subscribers in memory.
@Suite("Subscribers in memory")
struct SubscriberTests {
    @Test("a subscribe that comes to nothing takes nothing away from a later one that leans on it")
    func overlapping() {
        let harness = FanOutHarness()
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a", "b")
        let first = harness.takeCommits()
        harness.subscribe(subscriber, "a")
        first(false)
        harness.commit()
        harness.deliver(harness.append("a", "1"), harness.append("b", "2"))
        harness.finish()
        #expect(subscriber.read() == ["failed", "reply a@0", "a#1:1;"])
        #expect(harness.registry == ["+a,b", "+a", "-b"])
    }

    @Test("what comes late for a subscriber that is gone doesn't meet whoever has its place")
    func placeUsedAgain() {
        let harness = FanOutHarness()
        let gone = harness.subscriber("gone")
        #expect(harness.loop.remove(gone))
        let other = harness.subscriber("other")
        harness.subscribe(other, "a")
        harness.commit()
        harness.loop.detach(gone)
        harness.loop.noteWritten(to: gone)
        harness.subscribe(gone, "a")
        harness.deliver(harness.append("a", "1"))
        #expect(other.read() == ["reply a@0", "a#1:1;"])
        #expect(!harness.loop.remove(gone) && harness.loop.count == 1)
    }

    @Test("what many had who go in one turn is taken out some at a time, and nobody has their places before")
    func departures() {
        let harness = FanOutHarness { $0.subscriptionsPerSubscriber = 200 }
        let gone = (0..<3).map { harness.subscriber("gone\($0)") }
        for (number, subscriber) in gone.enumerated() {
            for topic in 0..<200 { harness.subscribe(subscriber, "\(number)/\(topic)") }
        }
        harness.commit()
        let places = gone.map(\.slot)
        for subscriber in gone { #expect(harness.loop.remove(subscriber)) }
        #expect(harness.loop.count == 0 && harness.loop.underWay.topics == 400)
        let other = harness.subscriber("other")
        #expect(!places[1...].contains(other.slot))
        harness.subscribe(other, "1/0")
        harness.commit()
        harness.deliver(harness.append("1/0", "x"), harness.append("2/0", "y"))
        #expect(other.read() == ["reply 1/0@0", "1/0#1:x;"])
        for _ in 0..<3 { harness.eventLoop.advanceTime(by: .microseconds(5)) }
        #expect(harness.loop.underWay.topics == 1)
        #expect(Set((0..<2).map { harness.subscriber("new\($0)").slot }).isSubset(of: places))
    }

    @Test("a subscriber has one piece of history on its way, however many topics it catches up on")
    func onePiece() {
        let harness = FanOutHarness()
        for number in 0..<12 { harness.append(["a", "b", "c"][number % 3], String(repeating: "x", count: 60)) }
        let subscriber = harness.subscriber()
        subscriber.holdsHistory = true
        harness.subscribe(subscriber, "a", "b", "c", after: 0)
        harness.commit()
        var pieces = 0
        while harness.readOnce() || subscriber.held.count > 0 {
            #expect(subscriber.held.count <= 1)
            if let left = subscriber.held.popLast() {
                pieces += 1
                left.succeed()
                harness.eventLoop.run()
            }
        }
        #expect(pieces >= 12)
        harness.deliver(harness.append("a", "new"))
        let text = subscriber.read().joined()
        for number in 1...12 { #expect(text.contains("#\(number):")) }
        #expect(text.hasSuffix("a#13:new;") && harness.loop.underWay.catchUps == 0)
    }

    @Test("what follows a subscribe that waits comes behind its reply, though a later one has its own")
    func followUps() {
        let harness = FanOutHarness()
        harness.append("a", "1")
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a", after: 0)
        harness.subscribe(subscriber, "b")
        harness.commit()
        harness.loop.barrier.afterReplies(to: subscriber) { subscriber.note("follow-up") }
        harness.settle()
        let lines = subscriber.read()
        #expect(lines.firstIndex(of: "follow-up") ?? 0 > lines.firstIndex { $0.hasPrefix("reply a") } ?? .max)
    }

    @Test("the reply comes after the registry's commit, before the topic's first event, and what is older doesn't come")
    func barrier() {
        let harness = FanOutHarness()
        let early = harness.subscriber()
        harness.subscribe(early, "a")
        harness.commit()
        #expect(early.read() == ["reply a@0"])
        let late = harness.subscriber()
        harness.subscribe(late, "a", "b")
        let before = harness.append("a", "1")
        harness.deliver(before)
        #expect(early.read() == ["a#1:1;"] && late.read() == [])
        harness.commit()
        harness.deliver(before, harness.append("a", "2"))
        #expect(late.read() == ["reply a@1 b@0", "a#2:2;"])
        #expect(early.read() == ["a#2:2;"])
        #expect(harness.count("repeated") == 1 && harness.count("written") == 3)
        #expect(harness.registry == ["+a", "+a,b"])
    }

    @Test("a subscribe that the registry or the log can't do leaves nothing behind")
    func failures() {
        let harness = FanOutHarness { $0.subscriptionsPerSubscriber = 2 }
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a")
        harness.commit(failing: true)
        harness.fail(true)
        harness.subscribe(subscriber, "a")
        harness.commit()
        harness.subscribe(subscriber, "a", "b", "c")
        #expect(subscriber.read() == ["failed", "failed", "too many"])
        #expect(harness.loop.underWay.topics == 0 && harness.loop.underWay.subscribes == 0)
        #expect(harness.registry == ["+a", "-a", "+a", "-a"])
    }

    @Test("several subscriptions of one subscriber to one topic get each event, each behind its own prefix")
    func several() {
        let harness = FanOutHarness()
        let subscriber = harness.subscriber()
        let other = harness.subscriber()
        for (number, prefix) in [(1, "one|"), (2, "two|")] as [(UInt32, String)] {
            let id = SubscriptionID(rawValue: number)
            subscriber.prefixes[id] = prefix
            let wish = SubscriptionWish(id: id, format: EventFormatID(rawValue: UInt8(number - 1)), isShared: false)
            harness.subscribe(subscriber, "a", wish: wish)
        }
        harness.subscribe(other, "a")
        harness.commit()
        _ = subscriber.read() + other.read()
        harness.deliver(harness.append("a", "x"), harness.append("a", "y"))
        #expect(Set(subscriber.read()) == ["one|a#1:x;", "one|a#2:y;", "two|a#1:x|", "two|a#2:y|"])
        #expect(other.read() == ["a#1:x;", "a#2:y;"])
        harness.loop.barrier.unsubscribe([Topic(alreadyChecked: "a")], SubscriptionID(rawValue: 1), for: subscriber)
        // The registry keeps the topic as long as one of them stands.
        #expect(!harness.registry.contains("-a"))
        harness.deliver(harness.append("a", "z"))
        #expect(subscriber.read() == ["two|a#3:z|"])
        harness.loop.barrier.unsubscribe([Topic(alreadyChecked: "a")], for: subscriber)
        #expect(harness.registry.last == "-a")
    }

    @Test(
        "when its rights shrink, a subscriber loses what it may not have any more, and is told which; they may grow again"
    )
    func grants() {
        let harness = FanOutHarness()
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a", "b", "c")
        harness.commit()
        _ = subscriber.read()
        let gone = harness.loop.keep(of: subscriber) { $0.name == "b" }
        #expect(Set(gone.map(\.name)) == ["a", "c"])
        harness.deliver(harness.append("a"), harness.append("b"), harness.append("c"))
        #expect(subscriber.read() == ["b#2:;"])
        harness.subscribe(subscriber, "a", after: 0)
        harness.commit()
        harness.settle()
        #expect(subscriber.read() == ["reply a@1+", "a#1:;"])
    }

    @Test("a slow subscriber is ended and holds up nobody; its deliveries name it")
    func slow() {
        let harness = FanOutHarness()
        let slow = harness.subscriber()
        let quick = harness.subscriber()
        slow.roomBytes = 10
        for one in [slow, quick] { harness.subscribe(one, "a") }
        harness.commit()
        _ = slow.read() + quick.read()
        for _ in 0..<4 { harness.deliver(harness.append("a", "1234")) }
        harness.finish()
        #expect(slow.ends == [.slowConsumer])
        #expect(quick.read().count == 4)
        #expect(harness.tallies.flatMap(\.tallies).flatMap(\.slow) == [slow.id])
        #expect(harness.tallies.count == 4 && harness.tallies.flatMap(\.tallies).map(\.sockets).reduce(0, +) == 5)
    }

    @Test("a resume brings the history in pieces and then what is new, without a seam; the gap is told")
    func resume() {
        let harness = FanOutHarness()
        for number in 1...30 { harness.append(number % 3 == 0 ? "b" : "a", "payload \(number)") }
        harness.trim(through: 4)
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a", after: 1)
        harness.commit()
        #expect(harness.readOnce() && subscriber.read() == ["reply a@29!2-5"])
        // New ones come while the history is on its way.
        #expect(harness.readOnce())
        harness.deliver(harness.append("a", "new"))
        harness.settle()
        let expected = (5...30).filter { $0 % 3 != 0 }.map { "a#\($0):payload \($0);" } + ["a#31:new;"]
        #expect(subscriber.read() == expected)
        harness.deliver(harness.append("a", "live"))
        #expect(subscriber.read() == ["a#32:live;"])
        #expect(harness.loop.underWay.catchUps == 0)
    }

    @Test("a log that can't be read ends who needs it, and nobody else")
    func unreadable() {
        let harness = FanOutHarness()
        let resuming = harness.subscriber()
        let live = harness.subscriber()
        harness.subscribe(live, "a")
        harness.commit()
        harness.append("a")
        harness.subscribe(resuming, "a", after: 0)
        harness.commit()
        #expect(harness.readOnce())
        harness.fail(true)
        harness.settle()
        harness.fail(false)
        #expect(resuming.ends == [.historyUnreadable] && live.ends == [])
        harness.deliver(harness.append("a", "x"))
        harness.settle()
        #expect(live.read().last == "a#2:x;")
    }

    @Test("a hole is filled from the log on the loop; a large one takes every subscriber through the log")
    func holes() {
        for limit in [100, 2] {
            let harness = FanOutHarness { $0.holeRecords = limit }
            let subscribers = (0..<3).map { _ in harness.subscriber() }
            for one in subscribers { harness.subscribe(one, "a") }
            harness.commit()
            for one in subscribers { _ = one.read() }
            harness.deliver(harness.append("a", "0"))
            let missed = (1...5).map { _ in harness.append("a", "m") }
            harness.deliver(harness.append("a", "last"))
            harness.settle()
            harness.deliver(missed)
            let expected = ["a#1:0;"] + (2...6).map { "a#\($0):m;" } + ["a#7:last;"]
            for one in subscribers { #expect(one.read() == expected) }
            #expect(harness.count("filled") == (limit == 100 ? 5 : 0))
        }
    }

    @Test("who goes in the middle of everything is forgotten, and its history isn't read")
    func goes() {
        let harness = FanOutHarness()
        for _ in 0..<20 { harness.append("a", "payload") }
        let subscriber = harness.subscriber()
        harness.subscribe(subscriber, "a", after: 0)
        harness.commit()
        #expect(harness.readOnce())
        #expect(harness.loop.remove(subscriber) && !harness.loop.remove(subscriber))
        harness.eventLoop.run()
        #expect(!harness.readOnce())
        #expect(harness.loop.underWay == (0, 0, 0, 0) && harness.loop.count == 0)
    }

    @Test("everyone looks at the clock, often while the process drains")
    func clock() {
        let harness = FanOutHarness()
        let subscriber = harness.subscriber()
        harness.eventLoop.advanceTime(by: .seconds(2))
        #expect(subscriber.looks == 4)
        harness.loop.drain()
        harness.eventLoop.advanceTime(by: .seconds(1))
        #expect(subscriber.looks >= 50)
    }
}
