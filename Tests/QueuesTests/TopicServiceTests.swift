import ChangeQueue
import Logging
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import QueueEngine
@testable import Queues

/// Goal: a publish goes to each subscription that takes it, in one commit, and what is gone harms no other.
@Suite("Topics and their subscriptions")
struct TopicServiceTests {
    private let scratch: QueueScratch
    private var topics: TopicService { scratch.topics }
    private let name = TopicName(alreadyChecked: "orders")

    init() throws {
        let clock = WallClock()
        // Receives are later than what the commits' own clock says.
        clock.advance(seconds: 60)
        scratch = try QueueScratch(clock: clock)
    }

    private func queue(_ name: String) async throws -> QueueID {
        try await scratch.service.create(QueueID(ByteString(name)), [], tags: []).id
    }

    private func bodies(_ queue: QueueID) async throws -> [String] {
        let received = try await scratch.service.receive(
            from: queue,
            maximum: 10,
            visibilitySeconds: 60,
            waitSeconds: 0
        )
        return received.map(\.message.body)
    }

    private func message(_ text: String, _ attributes: [MessageAttribute] = []) throws -> TopicMessage {
        try TopicMessage(
            text: text,
            subject: "s",
            attributes: attributes,
            publishedAtNanoseconds: StageClock.wallNanoseconds()
        )
    }

    @Test("have the envelope of SNS, or go raw with their attributes")
    func envelope() async throws {
        _ = try await topics.create(name, [("DisplayName", "Orders")])
        let (plain, raw) = (try await queue("plain"), try await queue("raw"))
        _ = try await topics.subscribe(to: name, .sqs, endpoint: QueueARN.text(of: plain), [])
        _ = try await topics.subscribe(to: name, .sqs, endpoint: "raw", [("RawMessageDelivery", "true")])
        let attribute = MessageAttribute(name: "colour", type: "String", value: .string("red"))
        let sent = try message("hällo", [attribute])
        let publication = try await topics.publish([sent], to: name)
        #expect(publication.queues.count == 2 && publication.dropped == 0)
        let envelope = try JSONValue(Array(try #require(await bodies(plain).first).utf8))
        #expect(envelope["Type"]?.string == "Notification" && envelope["Message"]?.string == "hällo")
        #expect(envelope["MessageId"]?.string == sent.id.description && envelope["Subject"]?.string == "s")
        #expect(envelope["TopicArn"]?.string == "arn:aws:sns:us-east-1:000000000000:orders")
        #expect(envelope["MessageAttributes"]?["colour"]?["Value"]?.string == "red")
        let received = try await scratch.service.receive(from: raw, maximum: 1, visibilitySeconds: 1, waitSeconds: 0)
        #expect(received.first?.message.body == "hällo" && received.first?.message.attributes == [attribute])
    }

    @Test("take what their filters say, and are found again after a restart")
    func filters() async throws {
        _ = try await topics.create(name, [])
        let queue = try await queue("filtered")
        let made = try await topics.subscribe(
            to: name,
            .sqs,
            endpoint: "filtered",
            [("FilterPolicy", #"{"price": [{"numeric": [">", 10]}]}"#), ("RawMessageDelivery", "true")]
        )
        func price(_ value: String) -> MessageAttribute {
            MessageAttribute(name: "price", type: "Number", value: .string(value))
        }
        _ = try await topics.publish([message("cheap", [price("5")]), message("dear", [price("50")])], to: name)
        try scratch.restart()
        _ = try await topics.publish([message("dearer", [price("51")])], to: name)
        #expect(try await bodies(queue) == ["dear", "dearer"])
        _ = try await topics.set([("FilterPolicy", #"{"price": [5]}"#)], of: made.id, in: name)
        _ = try await topics.publish([message("cheap", [price("5.0")])], to: name)
        #expect(try await bodies(queue) == ["cheap"])
    }

    @Test("are skipped when their queue is gone, and the others get theirs")
    func deadEndpoints() async throws {
        _ = try await topics.create(name, [])
        let (alive, gone, dead) = (try await queue("alive"), try await queue("gone"), try await queue("dead"))
        _ = try await topics.subscribe(to: name, .sqs, endpoint: "alive", [("RawMessageDelivery", "true")])
        let policy = #"{"deadLetterTargetArn": "\#(QueueARN.text(of: dead))"}"#
        let lost = try await topics.subscribe(to: name, .sqs, endpoint: "gone", [("RawMessageDelivery", "true")])
        try await scratch.service.delete(gone)
        let first = try await topics.publish([message("1")], to: name)
        #expect(first.dropped == 1 && first.deadEndpoint == "gone")
        _ = try await topics.set([("RedrivePolicy", policy)], of: lost.id, in: name)
        let second = try await topics.publish([message("2")], to: name)
        #expect(second.dropped == 0 && second.deadLetters == 1)
        #expect(try await bodies(alive) == ["1", "2"])
        #expect(try await bodies(dead) == ["2"])
    }

    @Test("over HTTP get messages only once they are confirmed, and leave nothing behind")
    func confirmation() async throws {
        _ = try await topics.create(name, [])
        let made = try await topics.subscribe(to: name, .http, endpoint: "http://127.0.0.1:9/x", [])
        #expect(made.state == .pendingConfirmation)
        _ = try await topics.publish([message("too early")], to: name)
        let waiting = try #require(try topics.waitingDeliveries().first)
        let delivery = try #require(try topics.delivery(of: waiting))
        var (received, _) = try await topics.take(from: delivery.queue, maximum: 10, visibilitySeconds: 0)
        let confirmation = try JSONValue(Array(try #require(received.first).message.body.utf8))
        #expect(received.count == 1 && confirmation["Type"]?.string == "SubscriptionConfirmation")
        let token = try #require(confirmation["Token"]?.string)
        await #expect(throws: QueueError.self) { try await topics.confirm(.token("x" + token.dropFirst()), of: name) }
        await #expect(throws: QueueError.self) {
            try await topics.confirm(.token(String(token.dropLast()) + "x"), of: name)
        }
        #expect(try await topics.confirm(.token(token), of: name).state == .confirmed)
        #expect(try await topics.confirm(.token(token), of: name).id == made.id)
        try await topics.delivered(received[0], of: delivery)
        _ = try await topics.publish([message("now")], to: name)
        (received, _) = try await topics.take(from: delivery.queue, maximum: 10, visibilitySeconds: 0)
        #expect(received.count == 1 && received[0].message.body.contains("now"))
        #expect(try scratch.service.queues(after: nil, prefix: "", maximum: 10).isEmpty)
        // Nobody else has its queue.
        await #expect(throws: QueueError.self) { try await scratch.service.delete(made.queueID) }
        await #expect(throws: QueueError.self) { try await scratch.service.send([], to: made.queueID) }
        await #expect(throws: QueueError.self) {
            try await scratch.service.receive(from: made.queueID, maximum: 1, visibilitySeconds: 1, waitSeconds: 0)
        }
        #expect(try topics.topic(name).confirmed == 1)
        try await topics.unsubscribe(made.id, from: name)
        #expect(try topics.waitingDeliveries().isEmpty && scratch.store.queue(made.queueID) == nil)
        #expect(try topics.topic(name).confirmed == 0 && topics.topic(name).deleted == 1)
        #expect(try scratch.store.discardable().isEmpty)
    }

    @Test("become change records of a topic that clients of gateways subscribe to")
    func records() async throws {
        _ = try await topics.create(name, [])
        _ = try await topics.subscribe(to: name, .sluice, endpoint: "shop/orders", [("RawMessageDelivery", "true")])
        let publication = try await topics.publish([message(#"{"id": 1}"#), message("text")], to: name)
        #expect(publication.records == 2)
        let last = try scratch.store.log.reader.lastSequence()
        let record = try #require(try scratch.store.log.reader.record(at: SequenceNumber(last.rawValue - 1)))
        #expect(record.topic.name == "shop/orders" && record.payload == Array(#"{"id": 1}"#.utf8))
        #expect(record.contentType == .json)
        #expect(try scratch.store.log.reader.record(at: last)?.contentType == .text)
    }

    @Test("are made once for an endpoint, and refused with what is wrong")
    func repeated() async throws {
        _ = try await topics.create(name, [])
        await #expect(throws: QueueError.self) { try await topics.create(name, [("DisplayName", "x")]) }
        let first = try await topics.subscribe(to: name, .sqs, endpoint: "q", [])
        #expect(try await topics.subscribe(to: name, .sqs, endpoint: "q", []).id == first.id)
        await #expect(throws: QueueError.self) {
            try await topics.subscribe(to: name, .sqs, endpoint: "q", [("RawMessageDelivery", "true")])
        }
        for (kind, endpoint) in [
            (SubscriptionProtocol.sqs, "a b"), (.http, "https://x"), (.https, "x"), (.sluice, "a/#"),
        ] {
            await #expect(throws: QueueError.self) {
                try await topics.subscribe(to: name, kind, endpoint: endpoint, [])
            }
        }
        await #expect(throws: QueueError.self) {
            try await topics.subscribe(to: TopicName(alreadyChecked: "none"), .sqs, endpoint: "q", [])
        }
        #expect(try topics.subscriptions(of: name, after: nil, maximum: 10).map(\.id) == [first.id])
        try await topics.delete(name)
        try await topics.delete(name)
        #expect(
            try topics.topics(after: nil, maximum: 10).isEmpty && topics.subscriptions(after: nil, maximum: 10).isEmpty
        )
    }

    @Test("of a FIFO topic are FIFO queues, which keep its order and take a message once")
    func fifo() async throws {
        let name = TopicName(alreadyChecked: "orders.fifo")
        await #expect(throws: QueueError.self) { try await topics.create(name, []) }
        await #expect(throws: QueueError.self) {
            try await topics.create(TopicName(alreadyChecked: "orders"), [("FifoTopic", "true")])
        }
        _ = try await topics.create(name, [("FifoTopic", "true")])
        let queue = try await scratch.service.create(
            QueueID(alreadyChecked: "q.fifo"),
            [("FifoQueue", "true")],
            tags: []
        ).id
        _ = try await self.queue("plain")
        await #expect(throws: QueueError.self) { try await topics.subscribe(to: name, .sqs, endpoint: "plain", []) }
        await #expect(throws: QueueError.self) {
            try await topics.subscribe(
                to: name,
                .sqs,
                endpoint: "q.fifo",
                [("RedrivePolicy", #"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:plain"}"#)]
            )
        }
        _ = try await topics.subscribe(to: name, .sqs, endpoint: "q.fifo", [("RawMessageDelivery", "true")])
        func ordered(_ text: String, _ id: ByteString) throws -> TopicMessage {
            let now = StageClock.wallNanoseconds()
            return try TopicMessage(text: text, groupID: "g", deduplicationID: id, publishedAtNanoseconds: now)
        }
        await #expect(throws: QueueError.self) { try await topics.publish([message("no group")], to: name) }
        let first = try await topics.publish([ordered("1", "a"), ordered("2", "b")], to: name)
        let second = try await topics.publish([ordered("again", "a"), ordered("3", "c")], to: name)
        #expect(first.firstSequence == 1 && second.firstSequence == 3)
        #expect(try await bodies(queue) == ["1", "2", "3"])
    }

    @Test("are refused a publish whose copies take more than a commit may, and nothing of it is stored")
    func copies() async throws {
        _ = try await topics.create(name, [])
        let queue = try await queue("q")
        _ = try await topics.subscribe(to: name, .sqs, endpoint: "q", [])
        for number in 0..<520 {
            _ = try await topics.subscribe(to: name, .sluice, endpoint: "t/\(number)", [("RawMessageDelivery", "true")])
        }
        let before = try scratch.store.log.reader.lastSequence()
        let large = try message(String(repeating: "x", count: 262_000))
        await #expect { try await topics.publish([large], to: name) } throws: { ($0 as? QueueError)?.code == .tooLong }
        #expect(try scratch.store.log.reader.lastSequence() == before)
        #expect(try await bodies(queue).isEmpty)
        #expect(try await topics.publish([message("small")], to: name).records == 520)
    }

    @Test("don't count as queues")
    func counters() async throws {
        for number in 0..<5 {
            let name = TopicName(alreadyChecked: "t\(number)")
            _ = try await topics.create(name, [])
            _ = try await topics.subscribe(to: name, .http, endpoint: "http://h/\(number)", [])
            _ = try await topics.subscribe(to: name, .sqs, endpoint: "q", [])
        }
        let counters = try scratch.topicKeys()
        // The counters' own key is none of theirs.
        #expect(counters.counted == counters.present - 2, "\(counters)")
        for number in 0..<5 { try await topics.delete(TopicName(alreadyChecked: "t\(number)")) }
        let left = try scratch.topicKeys()
        #expect(left.counted == 0 && left.present == 2, "\(left)")
    }

    @Test("have timestamps as SNS writes them")
    func timestamps() {
        #expect(Timestamp.text(nanoseconds: 1_332_997_936_901_000_000) == "2012-03-29T05:12:16.901Z")
        #expect(Timestamp.text(nanoseconds: 951_782_400_000_000_000) == "2000-02-29T00:00:00.000Z")
        #expect(Timestamp.text(nanoseconds: 0) == "1970-01-01T00:00:00.000Z")
    }
}
