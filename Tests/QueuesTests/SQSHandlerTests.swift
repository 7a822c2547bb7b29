import Foundation
import QueueEngine
import SluiceCore
import TestSupport
import Testing

@testable import Queues
@testable import SQSProtocol

@Suite("SQS's API")
struct SQSHandlerTests {
    @Test(
        "every error of the queues stands in docs/semantics.md as what clients get",
        arguments: QueueError.Code.allCases
    )
    func documented(code: QueueError.Code) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: root.appendingPathComponent("docs/semantics.md"), encoding: .utf8)
        let error = SQSError(QueueError(code, "what was wrong"))
        #expect(document.contains("| \(error.status) | ") && document.contains("`\(error.shape)`"), "\(code)")
        #expect(error.queryError == error.queryCode + (error.status == 400 ? ";Sender" : ";Receiver"))
    }

    @Test("bodies that aren't what they should be are refused by name, and nothing else happens")
    func oddBodies() async throws {
        let scratch = try QueueScratch()
        let handler = SQSHandler(scratch.service)
        let nested = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
        for (action, body, type) in [
            ("CreateQueue", "null", "SerializationException"), ("CreateQueue", "[]", "SerializationException"),
            ("CreateQueue", "{", "SerializationException"),
            ("CreateQueue", #"{"QueueName":"# + nested + "}", "SerializationException"),
            ("CreateQueue", "{}", "MissingParameter"), ("CreateQueue", #"{"QueueName":7}"#, "InvalidParameterValue"),
            ("CreateQueue", #"{"QueueName":"a","Attributes":[]}"#, "InvalidParameterValue"),
            ("CreateQueue", #"{"QueueName":"a","Attributes":{"DelaySeconds":7}}"#, "InvalidParameterValue"),
            ("CreateQueue", #"{"QueueName":"a/b"}"#, "InvalidParameterValue"),
            ("SendMessage", #"{"QueueUrl":"http://x/0/none","MessageBody":"x"}"#, "QueueDoesNotExist"),
            ("SendMessage", #"{"QueueUrl":"///","MessageBody":"x"}"#, "InvalidAddress"),
            ("ReceiveMessage", #"{"QueueUrl":"q","MaxNumberOfMessages":1e3}"#, "InvalidParameterValue"),
            ("DeleteMessage", #"{"QueueUrl":"q","ReceiptHandle":"m-1-1-1"}"#, "QueueDoesNotExist"),
            ("StartMessageMoveTask", #"{"SourceArn":"arn"}"#, "InvalidParameterValue"),
            ("Nonsense", "{}", "UnsupportedOperation"),
        ] {
            let answer = await handler.answer(action, Array(body.utf8), base: "http://x")
            let json = try JSONValue(answer.body)
            #expect(
                answer.status == 400 && json["__type"]?.string == "com.amazonaws.sqs#\(type)",
                "\(action) \(body.prefix(60))"
            )
        }
        #expect(try scratch.service.queues(after: nil, prefix: "", maximum: 10).isEmpty)
    }
}
