import QueueEngine
package import Queues
import SluiceCore

/// SQS's API in AWS JSON 1.0 (API reference, "Making query API requests for Amazon SQS in AWS JSON protocol") over a ``MessageQueueService``.
///
/// It knows no HTTP server: it is given what it reads of a request, and answers with what is sent.
package struct SQSHandler: Sendable {
    let service: MessageQueueService

    /// The media type of requests and answers.
    package static let contentType = "application/x-amz-json-1.0"
    /// What the value of `X-Amz-Target` begins with.
    package static let targetPrefix = "AmazonSQS."
    /// The largest request, bytes: a batch of 1 MiB in JSON's escapes.
    package static let maximumBodyBytes = 8 << 20

    /// The messages of a batch together, bytes, whatever the queue takes of one (API reference, "SendMessageBatch").
    static let maximumBatchBytes = 1_048_576

    /// Answers for the queues of a service.
    package init(_ service: MessageQueueService) { self.service = service }

    /// An answer as it is sent.
    package struct Answer: Sendable {
        /// The HTTP status.
        package let status: Int
        /// The JSON.
        package let body: [UInt8]
        /// The value of `x-amzn-query-error`, for errors.
        package let queryError: String?

        package init(status: Int, body: [UInt8], queryError: String?) {
            self.status = status
            self.body = body
            self.queryError = queryError
        }
    }

    /// A new value of `x-amzn-RequestId`.
    package static func requestID() -> String { MessageID.random().description }

    /// Answers one request.
    /// - Parameters:
    ///   - action: what stands behind ``targetPrefix``.
    ///   - body: the request's body.
    ///   - base: scheme and host that the client has used, for queues' addresses.
    /// - Returns: what is sent, an error too.
    package func answer(_ action: String, _ body: [UInt8], base: String) async -> Answer {
        do throws(SQSError) {
            let json = try await perform(action, SQSInput(body), base)
            return Answer(status: 200, body: json, queryError: nil)
        } catch {
            return Answer(status: error.status, body: error.json, queryError: error.queryError)
        }
    }

    private func perform(_ action: String, _ input: SQSInput, _ base: String) async throws(SQSError) -> [UInt8] {
        switch ByteString(action) {
        case "CreateQueue": try await createQueue(input, base)
        case "GetQueueUrl": try queueURL(input, base)
        case "ListQueues": try listQueues(input, base)
        case "DeleteQueue": try await deleteQueue(input)
        case "PurgeQueue": try await purgeQueue(input)
        case "GetQueueAttributes": try attributes(input)
        case "SetQueueAttributes": try await setAttributes(input)
        case "ListDeadLetterSourceQueues": try deadLetterSources(input, base)
        case "TagQueue": try await tag(input)
        case "UntagQueue": try await untag(input)
        case "ListQueueTags": try tags(input)
        case "AddPermission": try addPermission(input)
        case "RemovePermission": try removePermission(input)
        case "SendMessage": try await send(input)
        case "SendMessageBatch": try await sendBatch(input)
        case "ReceiveMessage": try await receive(input)
        case "DeleteMessage": try await delete(input)
        case "DeleteMessageBatch": try await deleteBatch(input)
        case "ChangeMessageVisibility": try changeVisibility(input)
        case "ChangeMessageVisibilityBatch": try changeVisibilityBatch(input)
        case "StartMessageMoveTask": try startMove(input)
        case "CancelMessageMoveTask": try cancelMove(input)
        case "ListMessageMoveTasks": try listMoves(input)
        default:
            throw SQSError(
                "UnsupportedOperation",
                query: "AWS.SimpleQueueService.UnsupportedOperation",
                "There is no action \(action.printable(limit: 60)) here."
            )
        }
    }

    static let empty = Array("{}".utf8)

    /// Runs `body` with the service's errors as AWS's.
    func asking<Value>(_ body: () throws(QueueError) -> Value) throws(SQSError) -> Value {
        do throws(QueueError) { return try body() } catch { throw SQSError(error) }
    }

    /// The same for what waits.
    func awaiting<Value>(_ body: () async throws(QueueError) -> Value) async throws(SQSError) -> Value {
        do throws(QueueError) { return try await body() } catch { throw SQSError(error) }
    }

    static func url(_ queue: QueueID, _ base: String) -> String { "\(base)/\(QueueARN.account)/\(queue)" }

    /// A FIFO queue's number of a message, as long as AWS's (API reference, "SendMessage").
    static func sequenceNumber(_ ordinal: UInt64) -> String {
        let digits = "\(ordinal)"
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits
    }

    static func seconds(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000_000)" }

    static func milliseconds(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000)" }
}
