import HTTPTypes
import Hummingbird
import Queues
import SNSProtocol
import SQSProtocol
import SluiceCore

/// `POST /` with `X-Amz-Target: AmazonSQS.…` or `AmazonSNS.…`: SQS's API for message queues, and SNS's for topics.
///
/// Signatures aren't checked, so that it is only there when it was asked for. A page of a browser can't use it: both fields that it must set are ones
/// for which a browser asks first, and nothing here answers.
struct QueueRoutes {
    let handler: SQSHandler
    let topics: SNSHandler
    let budgets: ByteBudgets

    func register(on router: Router<GatewayRequestContext>) {
        router.post("/") { request, context in try await answer(request, context.input) }
    }

    private func answer(_ request: Request, _ input: InputEnd) async throws -> Response {
        let target = QueueRoutes.target.flatMap({ request.headers[$0] }).map({ ByteString($0) }) ?? ""
        let isOfTopics = target.utf8.starts(with: SNSHandler.targetPrefix.utf8)
        guard isOfTopics || target.utf8.starts(with: SQSHandler.targetPrefix.utf8) else {
            throw APIError(
                .invalidRequest,
                """
                POST / takes AWS's APIs for queues and topics: X-Amz-Target: \(SQSHandler.targetPrefix)… or \
                \(SNSHandler.targetPrefix)…, AWS JSON 1.0.
                """
            )
        }
        let type = request.headers[.contentType].map { ByteString($0).lowercasedASCII }
        guard type?.split(separator: ";").first == ByteString(SQSHandler.contentType) else {
            throw APIError(
                .invalidRequest,
                "Content-Type must be \(SQSHandler.contentType): the Query protocol and AWS JSON 1.1 aren't taken."
            )
        }
        let maximumBytes = isOfTopics ? SNSHandler.maximumBodyBytes : SQSHandler.maximumBodyBytes
        let (body, share) = try await budgets.unfinished.collect(request.body, upTo: maximumBytes)
        defer { withExtendedLifetime(share) {} }
        let prefix = isOfTopics ? SNSHandler.targetPrefix : SQSHandler.targetPrefix
        let action = String(decoding: target.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        let base = base(of: request)
        // A task of its own, so that the client's end cancels the wait and not the answer; ended with this request's.
        let work = Task {
            isOfTopics ? await topics.answer(action, body) : await handler.answer(action, body, base: base)
        }
        input.whenClosed { work.cancel() }
        let answer = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        var fields = HTTPFields()
        if let name = QueueRoutes.requestID { fields[name] = SQSHandler.requestID() }
        if let name = QueueRoutes.queryError, let error = answer.queryError { fields[name] = error }
        let status = HTTPResponse.Status(code: answer.status)
        return HTTPAnswer.bytes(answer.body, SQSHandler.contentType, status: status, fields: fields)
    }

    /// Scheme and host as the client knows them; the gateway itself speaks no TLS.
    private func base(of request: Request) -> String { "http://\(request.head.authority ?? "localhost")" }

    private static let target = HTTPField.Name("X-Amz-Target")
    private static let requestID = HTTPField.Name("x-amzn-RequestId")
    private static let queryError = HTTPField.Name("x-amzn-query-error")
}
