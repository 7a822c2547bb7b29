import SQSProtocol
import Testing

@testable import SNSProtocol

/// Goal: whatever a request is, it is answered with one of SNS's errors by name, and nothing else happens.
@Suite("SNS's API")
struct SNSHandlerTests {
    private let scratch: QueueScratch
    private let handler: SNSHandler

    init() throws {
        scratch = try QueueScratch()
        handler = SNSHandler(scratch.topics) { _ in "that host isn't allowed" }
    }

    private func answer(_ action: String, _ body: String) async -> String {
        String(decoding: await handler.answer(action, Array(body.utf8)).body, as: UTF8.self)
    }

    @Test(
        "bodies that aren't what they should be are refused by name",
        arguments: [
            ("CreateTopic", "null", "SerializationException"), ("CreateTopic", "{", "SerializationException"),
            ("CreateTopic", "{}", "InvalidParameter"), ("CreateTopic", #"{"Name":7}"#, "InvalidParameter"),
            ("CreateTopic", #"{"Name":"a","Attributes":[]}"#, "InvalidParameter"),
            ("CreateTopic", #"{"Name":"a","Attributes":{"Nonsense":"1"}}"#, "InvalidParameter"),
            ("CreateTopic", #"{"Name":".fifo","Attributes":{"FifoTopic":"true"}}"#, "InvalidParameter"),
            ("Publish", #"{"TopicArn":"arn:aws:sns:us-east-1:000000000000:none","Message":"x"}"#, "NotFound"),
            ("Publish", #"{"TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Message":"\u0001"}"#, "InvalidParameter"),
            (
                "Publish", #"{"TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Message":"x","Subject":"a\nb"}"#,
                "InvalidParameter"
            ),
            (
                "Subscribe",
                #"{"TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Protocol":"http","Endpoint":"http://h/"}"#,
                "AuthorizationError"
            ),
            ("ListTopics", #"{"NextToken":"a b"}"#, "InvalidParameter"),
            ("ListSubscriptions", #"{"NextToken":"nonsense"}"#, "InvalidParameter"),
            ("Unsubscribe", #"{"SubscriptionArn":"PendingConfirmation"}"#, "InvalidParameter"),
            ("Nonsense", "{}", "InvalidAction"),
        ]
    )
    func odd(action: String, body: String, code: String) async {
        _ = await answer("CreateTopic", #"{"Name":"t"}"#)
        let found = await answer(action, body)
        #expect(found.contains(#""__type":"com.amazonaws.sns#\#(code)""#), "\(action) \(body): \(found)")
        #expect(
            await answer("ListTopics", "{}") == #"{"Topics":[{"TopicArn":"arn:aws:sns:us-east-1:000000000000:t"}]}"#
        )
    }

    @Test("topics and subscriptions are listed page by page")
    func pages() async {
        for number in 100..<350 { _ = await answer("CreateTopic", #"{"Name":"t\#(number)"}"#) }
        let first = await answer("ListTopics", "{}")
        #expect(first.contains(#""NextToken":"t199""#))
        let second = await answer("ListTopics", #"{"NextToken":"t199"}"#)
        #expect(second.contains(":t200") && !second.contains(":t199") && second.contains(#""NextToken":"t299""#))
        #expect(await !answer("ListTopics", #"{"NextToken":"t299"}"#).contains("NextToken"))
    }
}
