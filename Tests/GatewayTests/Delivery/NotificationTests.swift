import QueueEngine
import Queues
import Testing

@testable import Gateway

/// Goal: what becomes of a message follows from the answer and the policy, nobody is asked who wasn't named, and a subscription's turn comes when
/// there is something to take.
@Suite("Notifications over HTTP")
struct NotificationTests {
    @Test(
        "are delivered, tried again or given up by the answer",
        arguments: [
            (EndpointAnswer.status(200), 1, DeliveryVerdict.delivered), (.status(204), 9, .delivered),
            (.status(404), 1, .giveUp("the endpoint answered with status 404")), (.status(429), 1, .retry(seconds: 20)),
            (.status(500), 3, .retry(seconds: 20)), (.status(302), 1, .retry(seconds: 20)),
            (.status(500), 4, .giveUp("the endpoint answered with status 500, as often as it was tried")),
            (.failed("it hangs"), 4, .giveUp("it hangs, as often as it was tried")), (.refused("no"), 1, .giveUp("no")),
            (.cancelled, 9, .retry(seconds: 0)),
        ]
    )
    func verdicts(answer: EndpointAnswer, attempt: Int, verdict: DeliveryVerdict) {
        #expect(DeliveryVerdict(answer, attempt: attempt, policy: DeliveryPolicy()) == verdict)
    }

    @Test(
        "go to hosts that were named and to no other",
        arguments: [
            ("http://hooks.example.com/x", true), ("https://a.example.org:8443/", true),
            ("https://example.org/", false),
            ("http://[::1]:9/", true), ("http://10.0.0.7/", true), ("http://127.0.0.1/", false),
            ("http://localhost/", false),
            ("http://hooks.example.com@evil.test/", false), ("http://evil.test/hooks.example.com", false),
            ("http:///x", false), ("nonsense", false), ("ftp://hooks.example.com/", false),
            ("http://HOOKS.example.com./", true),
        ]
    )
    func hosts(endpoint: String, isAllowed: Bool) throws {
        let rules = try EndpointRules(["hooks.example.com", "*.example.org", "::1", "10.0.0.7"])
        #expect((rules.refusal(of: endpoint) == nil) == isAllowed, "\(endpoint)")
        #expect(try EndpointRules(nil).refusal(of: endpoint) != nil)
    }

    @Test("have their turn when something new came, or when their time has come")
    func turns() {
        func waiting(_ ordinal: UInt64) -> WaitingDeliveries {
            WaitingDeliveries(
                queue: 7,
                lastOrdinal: ordinal,
                topic: TopicName(alreadyChecked: "t"),
                subscription: .random()
            )
        }
        var turns = DeliveryTurns()
        var answers = [turns.begin(waiting(1), nowNanoseconds: 0), turns.begin(waiting(1), nowNanoseconds: 0)]
        #expect(answers == [true, false])
        let isMissed = turns.end(waiting(1), nextAtNanoseconds: 100)
        #expect(!isMissed && turns.nextAtNanoseconds == 100)
        answers = [turns.begin(waiting(1), nowNanoseconds: 99), turns.begin(waiting(1), nowNanoseconds: 100)]
        #expect(answers == [false, true])
        // Something that came while it ran may have been missed.
        answers = [turns.begin(waiting(2), nowNanoseconds: 100), turns.end(waiting(1), nextAtNanoseconds: .max)]
        #expect(answers == [false, true])
        // What runs is kept, whatever there is.
        answers = [turns.begin(waiting(2), nowNanoseconds: 100)]
        turns.keep([])
        answers.append(turns.begin(waiting(3), nowNanoseconds: 100))
        #expect(answers == [true, false])
        _ = turns.end(waiting(3), nextAtNanoseconds: .max)
        turns.keep([])
        answers = [turns.begin(waiting(3), nowNanoseconds: 0)]
        #expect(answers == [true])
        turns.note(7, isFailing: true)
        #expect(turns.concurrency(of: 7) == 1)
        turns.note(7, isFailing: false)
        #expect(turns.concurrency(of: 7) == DeliveryTurns.maximumConcurrency)
    }

    @Test("are signed over SNS's text, names in their order and without what isn't there")
    func canonical() throws {
        let body = #"{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":"hi","Timestamp":"now"}"#
        let stored = try #require(StoredNotification(body))
        let text = "Message\nhi\nMessageId\nm\nTimestamp\nnow\nTopicArn\nt\nType\nNotification\n"
        #expect(stored.canonical(subscribeURL: nil) == text)
        #expect(StoredNotification("{}") == nil && StoredNotification("no JSON") == nil)
    }
}
